import { fingerprint, type RankerDefinition } from '../definition/index.js';
import type { Impression } from '../events/index.js';
import { selectRows, type FeatureBatch, type Fields, type RankingInput } from '../features/index.js';
import type { ServedModel } from '../inference/index.js';
import type { RankRequest } from './types.js';
import { knownFieldsOf } from './warnings.js';

/** One answer and what it was made of. */
export interface Shown {
  readonly request: RankRequest;
  readonly model: ServedModel;
  readonly weights: Readonly<Record<string, number>>;
  readonly input: RankingInput;
  /** One request with all candidates as rows. */
  readonly batch: FeatureBatch;
  /** The answered rows of the batch, best first. */
  readonly rows: Int32Array;
  /** [batch rows, tasks] and [batch rows]; left out where nothing could be scored. */
  readonly scored?: { readonly heads: Float32Array; readonly scores: Float64Array };
}

/** What is logged of an answer: the answered items, with the very values that they were ranked by. */
export const impressionOf = ({ request, model, weights, input, batch, rows, scored }: Shown): Impression => {
  const { definition, ranker, version } = model;
  const { tasks } = model.scorer;
  const heads = new Float32Array(rows.length * tasks.length).fill(NaN);
  if (scored !== undefined)
    rows.forEach((row, at) =>
      heads.set(scored.heads.subarray(row * tasks.length, (row + 1) * tasks.length), at * tasks.length),
    );
  return {
    kind: 'impression',
    time: input.time,
    requestId: request.requestId,
    userId: request.user?.id,
    ranker,
    version,
    fingerprint: fingerprintOf(definition),
    arms: {},
    weights,
    tasks,
    candidates: batch.rows,
    items: Array.from(rows, (row, at) => ({
      id: request.candidates[row]?.id ?? row,
      position: at + 1,
      row,
      score: scored?.scores[row] ?? NaN,
      propensity: 1,
    })),
    heads,
    fields: fieldsOf(definition, input, rows),
    features: selectRows(batch, rows),
  };
};

/** Only what a feature reads: the rest would be kept for nobody. */
const fieldsOf = (definition: RankerDefinition, input: RankingInput, rows: Int32Array): Impression['fields'] => {
  const known = knownFieldsOf(definition);
  return {
    user: keep(input.user, known.user, 'user_id'),
    context: keep(input.context, known.context),
    candidates: Array.from(rows, (row) => keep(input.candidates[row] ?? {}, known.candidate, 'item_id')),
  };
};

const keep = (fields: Fields, known: ReadonlyMap<string, unknown>, id?: string): Fields => {
  const kept: Record<string, Fields[string]> = {};
  for (const name in fields) if (name === id || known.has(name)) kept[name] = fields[name];
  return kept;
};

const fingerprints = new WeakMap<RankerDefinition, string>();

/** Definitions live as long as the version they came with. */
const fingerprintOf = (definition: RankerDefinition): string => {
  const known = fingerprints.get(definition) ?? fingerprint(definition);
  fingerprints.set(definition, known);
  return known;
};
