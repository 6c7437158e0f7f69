import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { markdownTable } from '../../training/charts/index.js';
import { machineText, type Machine } from '../machine.js';
import { growthFile, linePlot } from '../report/index.js';
import type { GrowthTable } from './measure.js';

export interface GrowthResult {
  readonly command: string;
  readonly startedAt: string;
  readonly machine: Machine;
  readonly commit: string;
  readonly quick: boolean;
  readonly tables: readonly GrowthTable[];
}

const words: Readonly<Record<GrowthTable['of'], { readonly title: string; readonly says: string }>> = {
  candidates: { title: 'Candidates of a request', says: 'One service; what differs is how much is asked of it.' },
  parameters: {
    title: 'Parameters of the network',
    says: 'Embedding rows are not among them. The last but one is the network of the definition.',
  },
  items: {
    title: 'Items with an embedding row',
    says: 'What is asked for is spread over the whole table. The second figure of memory is that after the first update: from then on tables are kept twice, so that an update is seen as a whole or not at all.',
  },
  replicas: {
    title: 'Replicas behind a round robin',
    says: 'All of them on this one machine, with the generator: where they share its cores, more of them share what there is. Memory is that of all.',
  },
};

const number = (value: number | undefined): string =>
  value === undefined || Number.isNaN(value)
    ? '–'
    : value.toLocaleString('en-US', { maximumFractionDigits: value < 100 ? 1 : 0 });

/** Tables for people, with their pictures. */
export const growthMarkdown = ({ machine, commit, quick, startedAt, command, tables }: GrowthResult): string =>
  [
    '## How cost grows',
    '',
    `\`${command}\` on ${machineText(machine)}; commit ${commit}${quick ? ', quick form' : ''}, ${startedAt.slice(0, 10)}. Requests/s are the most in a closed loop, latencies those at half of that in an open one.`,
    '',
    ...tables.flatMap(({ of, rows }) => {
      const extras = [
        ...(rows.some(({ readyMs }) => readyMs !== undefined) ? (['readyMs'] as const) : []),
        ...(rows.some(({ rssUpdatedMb }) => rssUpdatedMb !== undefined) ? (['rssUpdatedMb'] as const) : []),
      ];
      const names = { readyMs: 'ready after ms', rssUpdatedMb: 'memory MB, updated' };
      const columns = [
        of,
        'requests/s',
        'candidates/s',
        'p50 ms',
        'p99 ms',
        'memory MB',
        ...extras.map((e) => names[e]),
      ];
      return [
        `### ${words[of].title}`,
        '',
        words[of].says,
        '',
        markdownTable(
          columns,
          rows.map((row) => [
            ...[row.size, row.requestsPerSecond, row.candidatesPerSecond, row.p50Ms, row.p99Ms, row.rssMb].map(number),
            ...extras.map((extra) => number(row[extra])),
          ]),
        ),
        '',
      ];
    }),
    `![growth](${plotFile})`,
    '',
    `![growth-latency](${latencyPlotFile})`,
  ].join('\n');

const plotFile = 'growth-throughput.svg';
const latencyPlotFile = 'growth-latency.svg';

/** Everything against the smallest size, so that all four fit one picture. */
const relativePlot = (tables: readonly GrowthTable[], of: 'requestsPerSecond' | 'p50Ms', title: string): string =>
  linePlot({
    title,
    ...{ x: 'size, as a multiple of the smallest', y: 'against the smallest', dots: true },
    logarithmic: { x: true, y: true },
    lines: tables.map(({ of: name, rows }) => ({
      name,
      points: rows.map((row) => [row.size / (rows[0]?.size ?? 1), row[of] / (rows[0]?.[of] ?? 1)] as const),
    })),
  });

export const writeGrowth = async (folder: string, result: GrowthResult): Promise<void> => {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'growth.json'), `${JSON.stringify(result, undefined, 1)}\n`);
  await writeFile(join(folder, growthFile), `${growthMarkdown(result)}\n`);
  await writeFile(join(folder, plotFile), relativePlot(result.tables, 'requestsPerSecond', 'Requests a second'));
  await writeFile(join(folder, latencyPlotFile), relativePlot(result.tables, 'p50Ms', 'Median latency at half load'));
};
