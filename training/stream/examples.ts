import type { LabelRule } from '../../src/definition/index.js';
import { concatBatches, decodeFeatureBatch, type FeatureBatch } from '../../src/features/index.js';
import type { JoinedExample } from '../../src/join/index.js';
import type { Examples } from '../fit/index.js';

/** A joined example with its features decoded. */
export interface ReadExample {
  readonly example: JoinedExample;
  readonly batch: FeatureBatch;
}

/** Reads examples of one ranker: answers undefined for what cannot be one of its, whatever is wrong with it. */
export const exampleReader = (like: FeatureBatch, tasks: number) => {
  return (example: JoinedExample): ReadExample | undefined => {
    const batch = decoded(example.features);
    if (batch === undefined || batch.requests !== 1 || batch.rows === 0) return undefined;
    const values = batch.rows * tasks;
    const fits =
      example.positions.length === batch.rows && example.labels.length === values && example.served.length === values;
    return fits && isLike(batch, like) ? { example, batch } : undefined;
  };
};

/** Whether columns have the same names, in the same order, and shapes. */
function isLike({ columns }: FeatureBatch, like: FeatureBatch): boolean {
  if (columns.size !== like.columns.size) return false;
  const others = like.columns.entries();
  for (const [name, column] of columns) {
    const [otherName, other] = others.next().value ?? [];
    const same = name === otherName && column.side === other?.side && column.type === other.type;
    if (!same || (column.type === 'numbers' && other.type === 'numbers' && column.width !== other.width)) return false;
  }
  return true;
}

const decoded = (bytes: Uint8Array): FeatureBatch | undefined => {
  try {
    return decodeFeatureBatch(bytes);
  } catch {
    // Whatever the reason, it is no feature batch.
    return undefined;
  }
};

/** Examples as one batch, in their order. */
export const collect = (read: readonly ReadExample[]): Omit<Examples, 'weights'> => ({
  batch: concatBatches(read.map(({ batch }) => batch)),
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
