/** What a scenario must hold; exactly one of the limits. */
export interface Threshold {
  /** Name of a measure of the scenario. */
  readonly measure: string;
  readonly atMost?: number;
  readonly atLeast?: number;
  /** Why just this limit. */
  readonly reason: string;
}

export interface Verdict extends Threshold {
  /** Undefined if the scenario did not say, or said no number. */
  readonly value: number | undefined;
  readonly held: boolean;
}

/** A measure that is missing or not a number holds nothing. */
export const judge = (
  measures: Readonly<Record<string, number>>,
  thresholds: readonly Threshold[],
): readonly Verdict[] =>
  thresholds.map((threshold) => {
    const measured = measures[threshold.measure] ?? NaN;
    const value = Number.isNaN(measured) ? undefined : measured;
    const { atMost = Infinity, atLeast = -Infinity } = threshold;
    return { ...threshold, value, held: value !== undefined && value <= atMost && value >= atLeast };
  });

/** `p99Ms is 12.3, at most 10 are allowed: 23 % over`. */
export const verdictText = ({ measure, value, atMost, atLeast, held }: Verdict): string => {
  const limit = atMost ?? atLeast ?? NaN;
  const rule = atMost === undefined ? `at least ${limit}` : `at most ${limit}`;
  if (value === undefined) return `${measure} was not measured, it should be ${rule}`;
  if (held) return `${measure} is ${value}, ${rule}`;
  const off = limit === 0 ? `${Math.abs(value - limit)}` : `${Math.round(100 * Math.abs(value / limit - 1))} %`;
  return `${measure} is ${value}, it should be ${rule}: ${off} ${atMost === undefined ? 'under' : 'over'}`;
};
