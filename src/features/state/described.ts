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
export function outcomeDescriber(definition: RankerDefinition): (outcomes: readonly Outcome[]) => DescribedOutcomes {
  const shapes = statefulFeatures(definition).map(({ shape }) => shape);
  return (outcomes) => ({
    times: Float64Array.from(outcomes, ({ time }) => time),
    since: Float64Array.from(outcomes, ({ time, since }) => since ?? time),
    features: shapes.map((shape) => describe(shape, outcomes)),
  });
}

function describe(shape: StateShape, outcomes: readonly Outcome[]): DescribedFeature {
  const width = recordHeader + shape.updateWidth;
  const key = new Uint32Array(2);
  const update = new Float64Array(shape.updateWidth);
  const ends = new Int32Array(outcomes.length);
  let records = new Float64Array(64 * width);
  let size = 0;
  for (let i = 0; i < outcomes.length; i++) {
    const outcome = outcomes[i] as Outcome;
    if (shape.describe(outcome, key, update)) {
      const at = size++ * width;
      if (at + width > records.length) {
        const more = new Float64Array(2 * records.length);
        more.set(records);
        records = more;
      }
      records[at] = outcome.time;
      records[at + 1] = key[0] ?? 0;
      records[at + 2] = key[1] ?? 0;
      for (let j = 0; j < update.length; j++) records[at + recordHeader + j] = update[j] ?? 0;
    }
    ends[i] = size;
  }
  return { ends, records: records.subarray(0, size * width) };
}
