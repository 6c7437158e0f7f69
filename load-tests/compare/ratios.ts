import { median, round } from '../measure/index.js';

/** One measure of two commits over rounds that took turns. */
export interface Comparison {
  readonly measure: string;
  readonly base: readonly number[];
  readonly here: readonly number[];
  /** Here against base, of the same round. */
  readonly ratios: readonly number[];
  readonly baseMedian: number;
  readonly hereMedian: number;
  readonly ratioMedian: number;
  readonly ratioLeast: number;
  readonly ratioMost: number;
  /** Every round says the same: all are above 1, or all below. */
  readonly differs: boolean;
}

export type Measures = Readonly<Record<string, number>>;

/** Measures that both sides have in every round, in the order of the first; rounds are pairs. */
export const compareRounds = (
  rounds: readonly { readonly base: Measures; readonly here: Measures }[],
): readonly Comparison[] => {
  const sides = rounds.flatMap(({ base, here }) => [base, here]);
  const shared = Object.keys(sides[0] ?? {}).filter((measure) => sides.every((side) => Number.isFinite(side[measure])));
  return shared.map((measure) => {
    const of = (side: 'base' | 'here'): number[] => rounds.map((pair) => pair[side][measure] ?? NaN);
    const [base, here] = [of('base'), of('here')];
    const ratios = base.map((value, at) => ratioOf(here[at] ?? NaN, value));
    return {
      ...{ measure, base, here, ratios },
      baseMedian: median(base),
      hereMedian: median(here),
      ratioMedian: round(median(ratios)),
      ratioLeast: round(Math.min(...ratios)),
      ratioMost: round(Math.max(...ratios)),
      differs: ratios.every((ratio) => ratio > 1) || ratios.every((ratio) => ratio < 1),
    };
  });
};

/** Nothing against nothing is the same. */
const ratioOf = (value: number, base: number): number => (value === base ? 1 : value / base);

export const comparisonTable = (
  comparisons: readonly Comparison[],
): { readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] } => ({
  columns: ['measure', 'base', 'here', 'ratio', 'least', 'most', ''],
  rows: comparisons.map(({ measure, baseMedian, hereMedian, ratioMedian, ratioLeast, ratioMost, differs }) => [
    measure,
    ...[baseMedian, hereMedian].map((value) => value.toLocaleString('en-US', { maximumFractionDigits: 2 })),
    ...[ratioMedian, ratioLeast, ratioMost].map((value) => value.toFixed(2)),
    differs ? 'differs' : 'cannot be told apart',
  ]),
});
