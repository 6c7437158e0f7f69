import type { RankerDefinition } from '../../src/definition/index.js';
import { count } from '../experiments/index.js';
import type { ExaminationReport, HeadExamination } from './examine.js';
import type { Estimate } from './types.js';

const columns = ['position', 'shown', 'by swaps', '95 %', 'swaps', 'by tower', 'by lists', '95 %', 'truth'] as const;

/** A head's table for people: one row per position, a column per source that there is. */
export const examinationTable = (
  head: HeadExamination,
): { readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] } => {
  const rows = head.positions.map(({ position, shown, swaps, tower, lists, truth }) => {
    const bySwaps = position === 1 ? { ratio: 1 } : swaps?.estimate;
    return [
      String(position),
      shown === 0 ? '' : count(shown),
      ratio(swaps === undefined && position > 1 ? undefined : bySwaps),
      interval(position === 1 ? undefined : bySwaps),
      swaps === undefined ? '' : count(swaps.requests),
      ratio(tower),
      ratio(lists),
      interval(position === 1 ? undefined : lists),
      ratio(truth === undefined ? undefined : { ratio: truth }),
    ];
  });
  // Beyond the position itself, a column that only the first row fills says nothing.
  const told = columns.map((_, column) => column === 0 || rows.some((row, at) => at > 0 && row[column] !== ''));
  const kept = <T>(cells: readonly T[]): T[] => cells.filter((_, column) => told[column] === true);
  return { columns: kept(columns), rows: rows.map(kept) };
};

/** What to know before the numbers are believed: where each comes from, what is missing and how to get it. */
export const statements = (definition: RankerDefinition, report: ExaminationReport, hasLog: boolean): string[] => [
  ...sources(definition, report, hasLog),
  ...(report.swapRequests === 0 ? [] : report.heads.flatMap((head) => missingSwaps(head, report))),
];

const sources = (
  { bias }: RankerDefinition,
  { requests, swapRequests }: ExaminationReport,
  hasLog: boolean,
): string[] => {
  const said: string[] = [];
  if (bias === undefined) said.push('The definition has no `bias`: there is no tower to read.');
  else if ((bias.kind ?? 'tower') !== 'tower')
    said.push(`The definition has bias kind: ${bias.kind ?? ''}: there is no tower to read.`);
  else if (!bias.features.includes('position'))
    said.push('The bias tower does not know the position: nothing can be read from it.');
  if (!hasLog) return [...said, 'No log was read: swaps and lists say more, with their uncertainty.'];
  if (requests === 0) return [...said, 'The log holds no list of this ranker in this range.'];
  if (swapRequests > 0) return said;
  return [
    ...said,
    'No request of the log drew a swap. What ordinary lists say holds only as far as the heads know what the order knew: let ' +
      'swaps be drawn in a few percent of the requests, `exploration: {swaps: 0.05}` under `score` or in an arm.',
  ];
};

const missingSwaps = (head: HeadExamination, { requests, swapRequests, precision }: ExaminationReport): string[] => {
  const below = head.positions.filter(({ position }) => position > 1);
  const name = head.where === undefined ? head.task : `${head.task} (${head.where.feature} ${head.where.value})`;
  const known = below.flatMap(({ position, swaps }) =>
    swaps?.missing === undefined ? [] : [{ position, missing: swaps.missing }],
  );
  if (known.length === 0) {
    return below.length === 0
      ? []
      : [`${name}: nothing came of any item in ${count(swapRequests)} requests with a swap: nothing can be said.`];
  }
  const worst = known.reduce((most, each) => (each.missing > most.missing ? each : most));
  const percent = `${Math.round(100 * precision)} %`;
  if (worst.missing === 0) return [];
  const altogether = worst.missing * below.length;
  return [
    `${name}: to know every position to ${percent}, about ${count(altogether)} more requests with a swap are needed ` +
      `(${count(worst.missing)} at position ${worst.position} alone; positions are drawn alike), which is ` +
      `${count(Math.ceil((altogether * requests) / swapRequests))} requests at the log’s share of ${share(swapRequests / requests)}.`,
  ];
};

const share = (value: number): string => `${(100 * value).toFixed(value < 0.01 ? 2 : 1)} %`;
const ratio = (estimate: Estimate | undefined): string => estimate?.ratio.toFixed(3) ?? '';
const interval = (estimate: Estimate | undefined): string =>
  estimate?.interval === undefined ? '' : `${estimate.interval[0].toFixed(3)} to ${estimate.interval[1].toFixed(3)}`;
