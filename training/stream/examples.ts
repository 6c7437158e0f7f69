import type { LabelRule } from '../../src/definition/index.js';
import {
  concatEncoded,
  openFeatureBatch,
  type Column,
  type ColumnShape,
  type EncodedBatch,
  type FeatureBatch,
} from '../../src/features/index.js';
import type { JoinedExample } from '../../src/join/index.js';
import type { Examples } from '../fit/index.js';

/** A joined example with its features opened. */
export interface ReadExample {
  readonly example: JoinedExample;
  readonly batch: EncodedBatch;
}

/** Reads examples of one ranker: answers undefined for what cannot be one of its, whatever is wrong with it. */
export const exampleReader = (like: FeatureBatch, tasks: number) => {
  const columns = [...like.columns];
  /** Most examples share what describes their columns. */
  const known = new WeakSet<readonly ColumnShape[]>();
  const isLike = (batch: EncodedBatch): boolean => {
    if (known.has(batch.columns)) return true;
    const fits =
      batch.columns.length === columns.length && columns.every((column, i) => isShape(batch.columns[i], column));
    if (fits) known.add(batch.columns);
    return fits;
  };
  return (example: JoinedExample): ReadExample | undefined => {
    const batch = opened(example.features);
    if (batch === undefined || batch.requests !== 1 || batch.rows === 0) return undefined;
    const values = batch.rows * tasks;
    const fits =
      example.positions.length === batch.rows && example.labels.length === values && example.served.length === values;
    return fits && isLike(batch) ? { example, batch } : undefined;
  };
};

const isShape = (shape: ColumnShape | undefined, [name, column]: readonly [string, Column]): boolean =>
  shape?.name === name && shape.side === column.side && shape.width === (column.type === 'numbers' ? column.width : 0);

const opened = (bytes: Uint8Array): EncodedBatch | undefined => {
  try {
    return openFeatureBatch(bytes);
  } catch {
    // Whatever the reason, it is no feature batch.
    return undefined;
  }
};

/** Examples as one batch, in their order. */
export const collect = (read: readonly ReadExample[]): Omit<Examples, 'weights'> => ({
  batch: concatEncoded(read.map(({ batch }) => batch)),
  labels: concat(read.map(({ example }) => example.labels)),
  positions: positionsOf(read),
  times: Float64Array.from(read, ({ example }) => example.time),
});

const positionsOf = (read: readonly ReadExample[]): Int32Array => {
  const positions = new Int32Array(read.reduce((sum, { example }) => sum + example.positions.length, 0));
  let at = 0;
  for (const { example } of read) {
    positions.set(example.positions, at);
    at += example.positions.length;
  }
  return positions;
};

export const concat = (parts: readonly Float32Array[]): Float32Array => {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};

/** Whether what a label counts depends on what was predicted. */
export const weighsFakeNegatives = (rules: readonly Pick<LabelRule, 'late'>[]): boolean =>
  rules.some(({ late }) => late === 'fake-negative-weighted');

/**
 * [rows, tasks] how much each label counts where tasks are `fake-negative-weighted`: every row is learned at once as a
 * negative and again if the positive comes, so that with prediction f a positive is weighed by 1 + f and a negative by
 * (1 - f)(1 + f); then the expected gradient is that of the true labels (Ktena et al., RecSys 2019, FNW). 1 elsewhere.
 */
export const fakeNegativeWeights = (
  rules: readonly Pick<LabelRule, 'late'>[],
  { labels, predicted }: { readonly labels: Float32Array; readonly predicted: Float32Array },
): Float32Array =>
  labels.map((label, at) => {
    if (rules[at % rules.length]?.late !== 'fake-negative-weighted' || Number.isNaN(label)) return 1;
    const chance = predicted[at] ?? Number.NaN;
    return label > 0 ? 1 + chance : (1 - chance) * (1 + chance);
  });
