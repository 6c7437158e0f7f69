import type { RankerDefinition } from '../../definition/index.js';
import type { StateShape } from '../feature.js';
import type { Outcome } from '../types.js';
import { statefulFeatures } from './shapes.js';

/**
 * What outcomes change in feature state, as arrays: made from the outcomes alone, so that another thread can do it, and
 * moved between threads without a copy. A state that is told of these is the same to the bit as one told of the outcomes.
 */
export interface DescribedOutcomes {
  /** [outcomes] when each happened, and when its row was first spoken of. */
  readonly times: Float64Array<ArrayBuffer>;
  readonly since: Float64Array<ArrayBuffer>;
  /** By stateful feature, in the order of the definition. */
  readonly features: readonly DescribedFeature[];
}

export interface DescribedFeature {
  /** [outcomes] how many records there are up to and with each outcome. */
  readonly ends: Int32Array<ArrayBuffer>;
  /** [records, 3 + update width] of time, key and update. */
  readonly records: Float64Array<ArrayBuffer>;
}

/** Time, key high, key low; the update follows. */
export const recordHeader = 3;

/** Describes outcomes of a ranker, in their order. */
export function outcomeDescriber(
  definition: RankerDefinition,
): (outcomes: Iterable<Outcome> & { readonly length: number }) => DescribedOutcomes {
  const shapes = statefulFeatures(definition).map(({ shape }) => shape);
  return (outcomes) => {
    const times = new Float64Array(outcomes.length);
    const since = new Float64Array(outcomes.length);
    const writers = shapes.map((shape) => new RecordWriter(shape, outcomes.length));
    let i = 0;
    for (const outcome of outcomes) {
      times[i] = outcome.time;
      since[i] = outcome.since ?? outcome.time;
      for (const writer of writers) writer.add(i, outcome);
      i++;
    }
    return { times, since, features: writers.map((writer) => writer.described()) };
  };
}

/** Writes what outcomes change in one feature. */
class RecordWriter {
  readonly #shape: StateShape;
  readonly #width: number;
  readonly #key = new Uint32Array(2);
  readonly #update: Float64Array;
  readonly #ends: Int32Array<ArrayBuffer>;
  #records: Float64Array<ArrayBuffer>;
  #size = 0;

  constructor(shape: StateShape, outcomes: number) {
    this.#shape = shape;
    this.#width = recordHeader + shape.updateWidth;
    this.#update = new Float64Array(shape.updateWidth);
    this.#ends = new Int32Array(outcomes);
    this.#records = new Float64Array(64 * this.#width);
  }

  add(i: number, outcome: Outcome): void {
    const [key, update] = [this.#key, this.#update];
    if (this.#shape.describe(outcome, key, update)) {
      const at = this.#size++ * this.#width;
      if (at + this.#width > this.#records.length) {
        const more = new Float64Array(2 * this.#records.length);
        more.set(this.#records);
        this.#records = more;
      }
      const records = this.#records;
      records[at] = outcome.time;
      records[at + 1] = key[0] ?? 0;
      records[at + 2] = key[1] ?? 0;
      for (let j = 0; j < update.length; j++) records[at + recordHeader + j] = update[j] ?? 0;
    }
    this.#ends[i] = this.#size;
  }

  described(): DescribedFeature {
    return { ends: this.#ends, records: this.#records.subarray(0, this.#size * this.#width) };
  }
}
