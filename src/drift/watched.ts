import type { Column, FeatureBatch } from '../features/index.js';
import { binOf, eachKeyBin, quantileOf } from './bins.js';
import { isMissing, type KeysProfile, type NumbersProfile, type Profile } from './profile.js';
import { SlidingCounts } from './sliding.js';
import { populationStability } from './stability.js';

/**
 * Where the counts of one head or feature lie: its bins, then how many entries were missing, how many were there, and the sum
 * of their values.
 */
interface Slots {
  readonly name: string;
  readonly profile: NumbersProfile | KeysProfile;
  readonly from: number;
  readonly bins: number;
}

export interface HeadNow {
  readonly head: string;
  readonly mean: number;
  readonly quantile: (share: number) => number;
  /** Undefined where there is too little to tell. */
  readonly drift: number | undefined;
}

/** Fewer values than this tell nothing. */
const leastCount = 500;

/** Counts of what is shown of one version, in the bins of its profile. */
export class WatchedProfile {
  readonly profile: Profile;
  readonly #counts: SlidingCounts;
  readonly #heads: readonly Slots[];
  readonly #features: readonly Slots[];

  constructor(profile: Profile, time: { readonly windowMs: number; readonly nowMs: number }) {
    let size = 1;
    const place = ([name, of]: [string, NumbersProfile | KeysProfile]): Slots => {
      const slots = { name, profile: of, from: size, bins: of.shares.length };
      size += slots.bins + 3;
      return slots;
    };
    this.profile = profile;
    this.#heads = Object.entries(profile.heads).map(place);
    this.#features = Object.entries(profile.features).map(place);
    this.#counts = new SlidingCounts({ size, ...time });
  }

  /** Some rows of one request. @param heads [rows, tasks] @param row which rows; @param tasks in the order of the heads. */
  add(
    {
      batch,
      heads,
      tasks,
    }: { readonly batch: FeatureBatch; readonly heads: Float32Array; readonly tasks: readonly string[] },
    rows: readonly number[],
    nowMs: number,
  ): void {
    this.#counts.advance(nowMs);
    this.#counts.add(0, rows.length);
    for (const slots of this.#heads) {
      const task = tasks.indexOf(slots.name);
      for (const row of rows) this.#number(slots, heads[row * tasks.length + task]);
    }
    for (const slots of this.#features) {
      const column = batch.columns.get(slots.name);
      const entries = column?.side === 'request' ? [batch.requestOf[rows[0] ?? 0] ?? 0] : rows;
      for (const entry of entries) {
        if (column?.type === 'numbers') this.#number(slots, column.values[entry * column.width]);
        else if (column !== undefined) this.#keys(slots, column, entry);
      }
    }
  }

  #number({ profile, from, bins }: Slots, value: number | undefined): void {
    if (!('bounds' in profile)) return;
    if (value === undefined || isMissing(value)) {
      this.#counts.add(from + bins);
      return;
    }
    this.#counts.add(from + Math.min(binOf(profile.bounds, value), bins - 1));
    this.#counts.add(from + bins + 1);
    this.#counts.add(from + bins + 2, value);
  }

  #keys({ from, bins }: Slots, column: Column & { readonly type: 'keys' }, entry: number): void {
    const empty = column.offsets[entry] === column.offsets[entry + 1];
    this.#counts.add(from + bins + (empty ? 0 : 1));
    eachKeyBin(column, entry, (bin) => this.#counts.add(from + Math.min(bin, bins - 1)));
  }

  read(nowMs: number): {
    readonly rows: number;
    readonly heads: readonly HeadNow[];
    readonly features: readonly { readonly feature: string; readonly drift: number | undefined }[];
  } {
    this.#counts.advance(nowMs);
    const all = this.#counts.total();
    const of = ({ profile, from, bins }: Slots) => {
      const counts = all.subarray(from, from + bins);
      const [missing = 0, present = 0, sum = 0] = all.subarray(from + bins, from + bins + 3);
      return { counts, present, mean: sum / present, drift: driftOf(profile, { counts, present, missing }) };
    };
    return {
      rows: all[0] ?? 0,
      heads: this.#heads.flatMap((slots) => {
        const { counts, present, mean, drift } = of(slots);
        const bounds = slots.profile as NumbersProfile;
        if (present === 0) return [];
        return [{ head: slots.name, mean, quantile: (share: number) => quantileOf(bounds, counts, share), drift }];
      }),
      features: this.#features.map((slots) => ({ feature: slots.name, drift: of(slots).drift })),
    };
  }
}

/** What is missing is a bin of its own; undefined where either side has too few values to tell. */
const driftOf = (
  { count, shares, missing: missingThen }: NumbersProfile | KeysProfile,
  now: { readonly counts: Float64Array; readonly present: number; readonly missing: number },
): number | undefined => {
  const entries = now.present + now.missing;
  if (entries < leastCount || count < leastCount) return undefined;
  // A bag has several ids: their shares are of the ids, what is missing is a share of the bags.
  const counted = Math.max(
    1,
    now.counts.reduce((sum, each) => sum + each, 0),
  );
  const thereNow = now.present / entries;
  return populationStability(
    [...shares.map((share) => share * (1 - missingThen)), missingThen],
    [...Array.from(now.counts, (each) => (each / counted) * thereNow), 1 - thereNow],
  );
};
