import type { LoggedLists } from './types.js';

/**
 * What a shown item is expected to bring: `byRow` for looking at it, times `byPlace` for being looked at there. The estimators
 * are unbiased whatever it says; the better it is, the less they vary.
 */
export interface OutcomeModel {
  /** [rows] */
  readonly byRow: Float64Array;
  /** [places] */
  readonly byPlace: Float64Array;
}

/** Rounds of fitting places given items and items given places; the sum of squares falls in each, little after the third. */
const rounds = 4;

/**
 * Fits a reward column on some lists by least squares: linear in the heads (and in the products that `basis` names), times a
 * factor by place, in turns.
 */
export const fitOutcome = (
  lists: LoggedLists,
  { which, column, basis }: { readonly which: Int32Array; readonly column: number; readonly basis: Basis },
): OutcomeModel => {
  const rewards = lists.rewards[column] as Float64Array;
  const width = basis.width;
  const byPlace = new Float64Array(lists.places).fill(1);
  const byRow = new Float64Array(lists.heads.length / lists.tasks.length);
  const coefficients = new Float64Array(width);
  const values = new Float64Array(width);
  const expected = (row: number): number => {
    basis.into(row, values);
    let value = 0;
    for (let i = 0; i < width; i++) value += (coefficients[i] as number) * (values[i] as number);
    return value;
  };
  for (let round = 0; round < rounds; round++) {
    const gram = new Float64Array(width * width);
    const moment = new Float64Array(width);
    eachSlot(lists, which, (slot, row) => {
      basis.into(row, values);
      const factor = byPlace[lists.place[slot] as number] as number;
      const reward = rewards[slot] as number;
      for (let i = 0; i < width; i++) {
        const value = factor * (values[i] as number);
        moment[i] = (moment[i] as number) + value * reward;
        for (let j = 0; j <= i; j++)
          gram[i * width + j] = (gram[i * width + j] as number) + value * factor * (values[j] as number);
      }
    });
    solve(gram, moment, coefficients);
    const products = new Float64Array(lists.places);
    const squares = new Float64Array(lists.places);
    eachSlot(lists, which, (slot, row) => {
      const value = expected(row);
      const place = lists.place[slot] as number;
      products[place] = (products[place] as number) + value * (rewards[slot] as number);
      squares[place] = (squares[place] as number) + value * value;
    });
    for (let place = 0; place < lists.places; place++)
      byPlace[place] = (squares[place] as number) > 0 ? (products[place] as number) / (squares[place] as number) : 0;
  }
  for (let row = 0; row < byRow.length; row++) byRow[row] = expected(row);
  return { byRow, byPlace };
};

/**
 * [places] how often people look at a place, that at the first being 1: the mean of what the models of several rewards say, from
 * 0.01 on.
 */
export const examinationOf = (outcomes: readonly OutcomeModel[], places: number): Float64Array =>
  Float64Array.from({ length: places }, (_, place) => {
    const known = outcomes.filter(({ byPlace }) => (byPlace[0] as number) > 0);
    const sum = known.reduce((total, { byPlace }) => total + (byPlace[place] as number) / (byPlace[0] as number), 0);
    return known.length === 0 ? 1 : Math.max(0.01, sum / known.length);
  });

/** What an outcome is linear in. */
export interface Basis {
  readonly width: number;
  /** The values of a row of the heads. */
  into(row: number, values: Float64Array): void;
}

/**
 * One, every head, and the product of a head with those it waits for (`waits` by task: index or undefined): seconds watched if
 * clicked times the chance of a click.
 */
export const headBasis = (lists: LoggedLists, waits: readonly (number | undefined)[]): Basis => {
  const tasks = lists.tasks.length;
  const awaiting = waits.flatMap((when, task) => (when === undefined ? [] : [{ task, when }]));
  return {
    width: 1 + tasks + awaiting.length,
    into(row, values) {
      values[0] = 1;
      for (let task = 0; task < tasks; task++) values[1 + task] = lists.heads[row * tasks + task] as number;
      awaiting.forEach(({ task }, at) => {
        let product = 1;
        for (let each: number | undefined = task; each !== undefined; each = waits[each])
          product *= lists.heads[row * tasks + each] as number;
        values[1 + tasks + at] = product;
      });
    },
  };
};

const eachSlot = (lists: LoggedLists, which: Int32Array, visit: (slot: number, row: number) => void): void => {
  for (const list of which) {
    const first = lists.rowStart[list] as number;
    for (let slot = lists.slotStart[list] as number; slot < (lists.slotStart[list + 1] as number); slot++)
      visit(slot, first + (lists.slotRow[slot] as number));
  }
};

/** Solves gram · x = moment (lower triangle given) by Cholesky, with a ridge that keeps columns that say the same apart. */
const solve = (gram: Float64Array, moment: Float64Array, x: Float64Array): void => {
  const width = moment.length;
  const l = new Float64Array(gram.length);
  for (let i = 0; i < width; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = (gram[i * width + j] as number) * (i === j ? 1 + 1e-6 : 1) + (i === j ? 1e-9 : 0);
      for (let k = 0; k < j; k++) sum -= (l[i * width + k] as number) * (l[j * width + k] as number);
      l[i * width + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / (l[j * width + j] as number);
    }
  }
  for (let i = 0; i < width; i++) {
    let sum = moment[i] as number;
    for (let k = 0; k < i; k++) sum -= (l[i * width + k] as number) * (x[k] as number);
    x[i] = sum / (l[i * width + i] as number);
  }
  for (let i = width - 1; i >= 0; i--) {
    let sum = x[i] as number;
    for (let k = i + 1; k < width; k++) sum -= (l[k * width + i] as number) * (x[k] as number);
    x[i] = sum / (l[i * width + i] as number);
  }
};
