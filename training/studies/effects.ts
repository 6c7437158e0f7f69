import { meanInterval, type Interval } from './intervals.js';
import { addTallies, measureNames, measures, type MeasureName, type Tally } from './tally.js';

/** What one arm did in one world, by day. */
export interface ArmDays {
  readonly arm: string;
  readonly days: readonly Tally[];
}

/** One independent repetition: a world of its own, with its own log and training seed; the same arms in the same order. */
export interface Replicate {
  readonly seed: number;
  readonly arms: readonly ArmDays[];
}

/** The difference of one arm to another, as a share of the other: 0.01 is one percent. */
export interface Effect {
  readonly arm: string;
  readonly control: string;
  readonly measure: MeasureName;
  /** As the law expects it of the lists that were shown: without the chance of outcomes. */
  readonly expected: Interval;
  /** As it came out in the same worlds; null where in one of them nobody said anything. */
  readonly observed: Interval | null;
  /** Expected, by replicate. */
  readonly byReplicate: readonly number[];
}

/** Level of a measure per arm, expected, mean over replicates. */
export type Levels = Readonly<Record<MeasureName, number>>;

const totalOf = ({ arms }: Replicate, arm: string): Tally => {
  const found = arms.find((each) => each.arm === arm);
  if (found === undefined) throw new RangeError(`no arm ${arm}`);
  return addTallies(found.days);
};

export interface Contrast {
  readonly arm: string;
  readonly control: string;
}

/** All measures. Arms meet the same requests with the same chances, so each replicate's difference is a paired one. */
export const effectsOf = (replicates: readonly Replicate[], { arm, control }: Contrast): Effect[] =>
  measureNames.map((measure) => {
    const difference = (kind: keyof Tally): number[] =>
      replicates.map((replicate) => {
        const level = (name: string): number => measures[measure].of(totalOf(replicate, name)[kind]);
        return level(arm) / level(control) - 1;
      });
    const byReplicate = difference('expected');
    const observed = difference('observed');
    return {
      arm,
      control,
      measure,
      expected: meanInterval(byReplicate),
      observed: observed.every(Number.isFinite) ? meanInterval(observed) : null,
      byReplicate,
    };
  });

export const levelsOf = (replicates: readonly Replicate[], arm: string): Levels => {
  const mean = (measure: MeasureName): number =>
    replicates.reduce((sum, replicate) => sum + measures[measure].of(totalOf(replicate, arm).expected), 0) /
    replicates.length;
  return Object.fromEntries(measureNames.map((measure) => [measure, mean(measure)])) as Record<MeasureName, number>;
};

/** By day: the mean over replicates of the expected difference to the control on that day alone. */
export const effectByDay = (
  replicates: readonly Replicate[],
  { arm, control }: Contrast,
  measure: MeasureName,
): number[] => {
  const daysOf = ({ arms }: Replicate, name: string): readonly Tally[] =>
    arms.find((each) => each.arm === name)?.days ?? [];
  const [first] = replicates;
  return (first === undefined ? [] : daysOf(first, arm)).map((_, day) => {
    const differences = replicates.map((replicate) => {
      const level = (name: string): number => {
        const tally = daysOf(replicate, name)[day];
        return tally === undefined ? Number.NaN : measures[measure].of(tally.expected);
      };
      return level(arm) / level(control) - 1;
    });
    return differences.reduce((sum, value) => sum + value, 0) / differences.length;
  });
};
