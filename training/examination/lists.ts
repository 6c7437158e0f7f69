import { studentQuantile } from '../experiments/index.js';
import type { Estimate } from './types.js';

/** What was shown at a position of items that the head thought alike, and what came of it. */
export interface ListCell {
  /** Users are parted into groups, from 0, of which each is left out once for the interval. */
  readonly group: number;
  /** Items of about the same predicted value. */
  readonly bucket: number;
  /** 1-based. */
  readonly position: number;
  readonly rows: number;
  /** Sum of the outcomes. */
  readonly outcomes: number;
}

const mostRounds = 500;
const settled = 1e-9;

/**
 * Examination by position from ordinary lists, without swaps: the position-based model E(outcome) = theta_k * relevance_b,
 * with one relevance per bucket of the head's own prediction in place of the regression of Wang et al. (WSDM 2018), fitted by
 * Poisson likelihood, whose rounds have a closed form:
 *
 *   theta_k = sum_b y_kb / sum_b n_kb r_b,   r_b = sum_k y_kb / sum_k n_kb theta_k
 *
 * It holds as far as items of one bucket are alike wherever they were shown: what the order knew and the head did not is taken
 * for examination. Intervals by the jackknife over groups of users. NaN-free: a position where nothing was shown, or an
 * outcome that never came, has no estimate.
 */
export const examinationByLists = (cells: readonly ListCell[], positions: number): (Estimate | undefined)[] => {
  const groups = [...new Set(cells.map(({ group }) => group))];
  const ratios = fitted(cells, positions);
  const without = groups.map((left) =>
    fitted(
      cells.filter(({ group }) => group !== left),
      positions,
    ),
  );
  return ratios.map((ratio, index) => {
    if (ratio === undefined) return undefined;
    const logs = without.map((each) => Math.log(each[index] ?? Number.NaN));
    const count = logs.length;
    const mean = logs.reduce((sum, log) => sum + log, 0) / count;
    const squares = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0);
    const halfWidth = studentQuantile(0.975, count - 1) * Math.sqrt(((count - 1) / count) * squares);
    // Where leaving a group out leaves nothing, or there is but one, nothing is known of the spread.
    if (count < 2 || !Number.isFinite(halfWidth)) return { ratio };
    const log = Math.log(ratio);
    return { ratio, interval: [Math.exp(log - halfWidth), Math.exp(log + halfWidth)] };
  });
};

/** [positions] theta_k / theta_1; undefined where a position or the first has no outcome. */
const fitted = (cells: readonly ListCell[], positions: number): (number | undefined)[] => {
  const known = cells.map((cell) => ({ ...cell, position: Math.min(cell.position, positions) - 1 }));
  let theta = new Array<number>(positions).fill(1);
  for (let round = 0; round < mostRounds; round++) {
    const relevance = ratioBy(known, ({ bucket }) => bucket, ({ position }) => theta[position] ?? 0); // prettier-ignore
    const next = ratioBy(known, ({ position }) => position, ({ bucket }) => relevance.get(bucket) ?? 0); // prettier-ignore
    const first = next.get(0) ?? 0;
    if (!(first > 0)) return new Array<undefined>(positions).fill(undefined);
    const scaled = theta.map((_, position) => (next.get(position) ?? 0) / first);
    const moved = Math.max(...scaled.map((value, position) => Math.abs(value - (theta[position] ?? 0))));
    theta = scaled;
    if (moved < settled) break;
  }
  return theta.map((value) => (value > 0 ? value : undefined));
};

/** Per key, outcomes over what was to be expected of the rows. */
const ratioBy = (
  cells: readonly ListCell[],
  keyOf: (cell: ListCell) => number,
  factorOf: (cell: ListCell) => number,
): Map<number, number> => {
  const sums = new Map<number, { outcomes: number; expected: number }>();
  for (const cell of cells) {
    const sum = sums.get(keyOf(cell)) ?? { outcomes: 0, expected: 0 };
    sum.outcomes += cell.outcomes;
    sum.expected += cell.rows * factorOf(cell);
    sums.set(keyOf(cell), sum);
  }
  return new Map([...sums].map(([key, { outcomes, expected }]) => [key, expected > 0 ? outcomes / expected : 0]));
};
