import { Type, type Static } from '@sinclair/typebox';
import type { Column, FeatureBatch } from '../features/index.js';
import { binOf, boundsOf, eachKeyBin, keyBins } from './bins.js';

const Share = Type.Number({ minimum: 0, maximum: 1 });
const Shares = Type.Array(Share, { minItems: 1, maxItems: 64 });
const Count = Type.Integer({ minimum: 0 });

/** Of a head, or of a feature that is a number. */
const Numbers = Type.Object({
  /** How many values there were. */
  count: Count,
  least: Type.Number(),
  /** Upper bounds of all bins but the last, ascending; none for vectors, of which only what is missing is counted. */
  bounds: Type.Array(Type.Number(), { maxItems: 63 }),
  greatest: Type.Number(),
  /** Of the values that were there, by bin: one more than there are bounds. */
  shares: Shares,
  missing: Share,
  mean: Type.Number(),
  deviation: Type.Number({ minimum: 0 }),
});
/** Of a feature that is ids or categories. */
const Keys = Type.Object({ count: Count, /** By the last bits of the hash. */ shares: Shares, missing: Share });

/** What was usual of heads and features, on rows that a version was trained on. Part of its manifest. */
export const ProfileSchema = Type.Object({
  rows: Count,
  heads: Type.Record(Type.String(), Numbers),
  features: Type.Record(Type.String(), Type.Union([Numbers, Keys])),
});

export type NumbersProfile = Readonly<Static<typeof Numbers>>;
export type KeysProfile = Readonly<Static<typeof Keys>>;
export type Profile = Readonly<Static<typeof ProfileSchema>>;

/** So many features are looked at, the first of the definition: each is a series of the service. */
const mostFeatures = 40;

export interface ProfileOptions {
  /** Names of the columns of `heads`. */
  readonly tasks: readonly string[];
  readonly batch: FeatureBatch;
  /** [rows, tasks], in natural units. */
  readonly heads: Float32Array;
}

/** Of rows as they were logged: of what was shown, not of every candidate there was. */
export const profileOf = ({ tasks, batch, heads }: ProfileOptions): Profile => ({
  rows: batch.rows,
  heads: Object.fromEntries(
    tasks.map((task, index) => [
      task,
      numbersProfile(Array.from({ length: batch.rows }, (_, row) => heads[row * tasks.length + index] ?? Number.NaN)),
    ]),
  ),
  features: Object.fromEntries(
    [...batch.columns].slice(0, mostFeatures).map(([name, column]) => [name, featureProfile(column)]),
  ),
});

const featureProfile = (column: Column): NumbersProfile | KeysProfile => {
  if (column.type === 'keys') return keysProfile(column);
  const { width, values } = column;
  if (width === 1) return numbersProfile([...values]);
  const count = values.length / Math.max(1, width);
  const missing = Array.from({ length: count }, (_, entry) => values[entry * width]).filter(isMissing).length;
  return { ...nothing, count, missing: share(missing, count) };
};

/** Of no value that was there. */
const nothing = { count: 0, least: 0, bounds: [], greatest: 0, shares: [1], missing: 0, mean: 0, deviation: 0 };

const numbersProfile = (all: readonly number[]): NumbersProfile => {
  const values = all.filter(Number.isFinite);
  if (values.length === 0) return { ...nothing, count: all.length, missing: all.length === 0 ? 0 : 1 };
  const edges = boundsOf(values);
  const { bounds } = edges;
  const counts = new Array<number>(bounds.length + 1).fill(0);
  for (const value of values) {
    const bin = binOf(bounds, value);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    count: all.length,
    ...edges,
    bounds: [...bounds],
    shares: counts.map((count) => share(count, values.length)),
    missing: share(all.length - values.length, all.length),
    mean,
    deviation: Math.sqrt(squares / values.length),
  };
};

const keysProfile = (column: Column & { readonly type: 'keys' }): KeysProfile => {
  const count = column.offsets.length - 1;
  const counts = new Array<number>(keyBins).fill(0);
  let keys = 0;
  let missing = 0;
  for (let entry = 0; entry < count; entry++) {
    if (column.offsets[entry] === column.offsets[entry + 1]) missing++;
    eachKeyBin(column, entry, (bin) => {
      counts[bin] = (counts[bin] ?? 0) + 1;
      keys++;
    });
  }
  return { count, shares: counts.map((each) => share(each, keys)), missing: share(missing, count) };
};

/** What is not a number was not there. */
export const isMissing = (value: number | undefined): boolean => !Number.isFinite(value);

const share = (part: number, of: number): number => (of === 0 ? 0 : Number((part / of).toPrecision(6)));
