import type { RankerDefinition } from '../../src/definition/index.js';
import { markdownTable } from '../../training/charts/index.js';
import type { Tuning } from '../../training/policy/index.js';
import {
  addTallies,
  effectsOf,
  intervalText,
  listMetrics,
  meanInterval,
  measures,
  signOf,
  type ArmDays,
  type Replicate,
} from '../../training/studies/index.js';

/** The two arms. */
export const before = 'as before';
export const after = 'tuned';
export const tasksTuned: readonly string[] = ['click', 'watch', 'like'];

/** What became of one world. */
export interface Tuned {
  readonly seed: number;
  readonly tuning: Tuning;
  /** The days of the log again, under both: what the log's estimate is of. Undefined where nothing was chosen. */
  readonly again: Replicate | undefined;
  /** The days after. */
  readonly live: Replicate | undefined;
}

/** What the log said in one world, and what was so. */
export interface Covered {
  readonly seed: number;
  readonly kind: 'level' | 'gain';
  readonly measure: (typeof listMetrics)[number]['name'];
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
  /** Expected by the law on the days of the log, on the days after, and as it came out on these. */
  readonly again: number;
  readonly live: number;
  readonly observed: number;
}

export const coverageOf = ({ seed, tuning: { choice }, again, live }: Tuned): Covered[] => {
  if (choice === undefined || again === undefined || live === undefined) return [];
  return listMetrics.flatMap(({ name: measure }, at) =>
    (['gain', 'level'] as const).flatMap((kind) => {
      const estimated = (kind === 'gain' ? choice.gains : choice.values)[at];
      if (estimated === undefined) return [];
      const truth = ({ arms }: Replicate, tallied: 'expected' | 'observed'): number => {
        const level = (name: string): number => measures[measure].of(addTallies(daysOf(arms, name))[tallied]);
        return level(after) - (kind === 'gain' ? level(before) : 0);
      };
      const { value: estimate, low, high } = estimated;
      const so = { again: truth(again, 'expected'), live: truth(live, 'expected'), observed: truth(live, 'observed') };
      return [{ seed, kind, measure, estimate, low, high, ...so }];
    }),
  );
};

const daysOf = (arms: readonly ArmDays[], name: string): ArmDays['days'] =>
  arms.find(({ arm }) => arm === name)?.days ?? [];

const holds = ({ low, high }: Covered, truth: number): boolean => low <= truth && truth <= high;

const digits = (value: number, kind: Covered['kind']): string =>
  (value < 0 ? '−' : kind === 'gain' ? '+' : '') + Math.abs(value).toPrecision(3);

export const coverageTable = (rows: readonly Covered[]): string =>
  markdownTable(
    [
      'world',
      'per list',
      'the log’s estimate',
      'the same days, truly',
      'held',
      'the days after, truly',
      'held',
      'as it came out',
    ],
    rows.map((row) => [
      String(row.seed),
      row.kind === 'gain' ? `gain in ${row.measure}` : row.measure,
      `${digits(row.estimate, row.kind)} (${digits(row.low, row.kind)} to ${digits(row.high, row.kind)})`,
      digits(row.again, row.kind),
      holds(row, row.again) ? 'yes' : '**no**',
      digits(row.live, row.kind),
      holds(row, row.live) ? 'yes' : '**no**',
      digits(row.observed, row.kind),
    ]),
  );

export const weightTable = (definition: RankerDefinition, tuned: readonly Tuned[]): string => {
  const tasks = Object.keys(definition.tasks);
  const shown = tasksTuned.map((task) => tasks.indexOf(task));
  return markdownTable(
    ['world', ...tasksTuned, 'lists', 'effective lists', 'recommended', 'why'],
    [
      ['as before', ...tasksTuned.map((task) => String(definition.score.weights[task] ?? 0)), '', '', '', ''],
      ...tuned.map(({ seed, tuning: { choice, judged, recommended, reasons } }) => [
        String(seed),
        ...shown.map((at) => choice?.weights[at]?.toPrecision(3) ?? ''),
        String(judged.lists),
        choice === undefined ? '' : String(Math.round(choice.support.effectiveLists)),
        recommended ? 'yes' : 'no',
        reasons.join('; '),
      ]),
    ],
  );
};

export const findingsOf = (tuned: readonly Tuned[], rows: readonly Covered[]): string[] => {
  const count = (kind: Covered['kind'], truth: (row: Covered) => number): string => {
    const ofKind = rows.filter((row) => row.kind === kind);
    return `${ofKind.filter((row) => holds(row, truth(row))).length} of ${ofKind.length}`;
  };
  const chosen = tuned.filter(({ live }) => live !== undefined);
  const live = chosen.flatMap((each) => each.live ?? []);
  const refused = tuned.length - chosen.length;
  if (chosen.length === 0)
    return [`In none of ${tuned.length} worlds did the log say enough of any other weights to choose them.`];
  const sentence = (measure: 'engagement' | 'likes'): string[] =>
    effectsOf(live, { arm: after, control: before })
      .filter((effect) => effect.measure === measure)
      .map(({ expected }) => {
        const sign = signOf(expected);
        const told = sign === undefined ? 'no difference can be told' : sign === 'up' ? 'more' : 'less';
        return `Live, on the days after, ${measure} with the tuned weights: ${told}, ${intervalText(expected)}.`;
      });
  /** One interval may miss by chance; a mean that is off says that the log sees something else. */
  const leaning = (measure: Covered['measure']): string => {
    const ofGains = rows.filter((row) => row.kind === 'gain' && row.measure === measure);
    const sum = (of: (row: Covered) => number): number => ofGains.reduce((total, row) => total + of(row), 0);
    const off = meanInterval(ofGains.map((row) => row.estimate - row.again));
    const sign = signOf(off);
    const leans =
      sign === undefined ? 'they lean to neither side' : sign === 'up' ? 'they are too high' : 'they are too low';
    const [said, so] = [sum((row) => row.estimate), sum((row) => row.again)].map((total) => total / ofGains.length);
    return `Of gains in ${measure} the log’s estimates average ${digits(said ?? 0, 'gain')}, where ${digits(so ?? 0, 'gain')} was so on its days: ${leans}.`;
  };
  return [
    `The log’s 95 % intervals held what was so on its own days in ${count('gain', (row) => row.again)} gains and ${count('level', (row) => row.again)} levels; what was so on the days after, in ${count('gain', (row) => row.live)} gains and ${count('level', (row) => row.live)} levels.`,
    ...listMetrics.map(({ name }) => leaning(name)),
    ...sentence('engagement'),
    ...sentence('likes'),
    `Recommended in ${tuned.filter(({ tuning }) => tuning.recommended).length} of ${tuned.length} worlds${refused === 0 ? '' : `; in ${refused} nothing was chosen`}.`,
  ];
};
