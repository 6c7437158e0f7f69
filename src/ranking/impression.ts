import { fingerprint, type RankerDefinition } from '../definition/index.js';
import { WrittenFields, type Exploration, type Impression } from '../events/index.js';
import {
  fieldsOf,
  Known,
  selectRows,
  type Candidate,
  type FeatureBatch,
  type Fields,
  type RankingInput,
} from '../features/index.js';
import type { ServedModel } from '../inference/index.js';
import { logChances, propensities, varies, type DrawnOrder } from '../policy/index.js';
import type { Rules } from './rules.js';
import type { RankRequest } from './types.js';
import { knownFieldsOf } from './warnings.js';

/** One answer and what it was made of. */
export interface Shown {
  readonly request: RankRequest;
  readonly model: ServedModel;
  readonly rules: Rules;
  readonly arms: Readonly<Record<string, string>>;
  readonly input: RankingInput<Candidate>;
  /** One request with all candidates as rows. */
  readonly batch: FeatureBatch;
  /** The answered rows of the batch, best first, and how they were drawn; only scored ones can be varied. */
  readonly order: DrawnOrder;
  /** [batch rows, tasks] and [batch rows]; left out where nothing could be scored. */
  readonly scored?: { readonly heads: Float32Array; readonly scores: Float64Array };
}

/** How an order was drawn, for whoever gets it; undefined where it could only be this one. */
export const explorationOf = ({ policy }: Rules, { drawn, swap }: DrawnOrder): Exploration | undefined => {
  if (!varies(policy)) return undefined;
  const { share, temperature, swaps } = policy;
  return { share, temperature, swaps, drawn, ...(swap !== undefined && { swap }) };
};

/**
 * What is logged of an answer: the answered items, with the very values that they were ranked by. Where the order may have
 * been varied, also the chance of each place and what else was scored, so that any other weights can be tried on the list.
 */
export const impressionOf = ({ request, model, rules, arms, input, batch, order, scored }: Shown): Impression => {
  const { definition, ranker, version } = model;
  const { tasks } = model.scorer;
  const { rows } = order;
  const { weights, policy } = rules;
  const exploration = scored && explorationOf(rules, order);
  const chances = scored && exploration && propensities(logChances({ scores: scored.scores, rows, policy }));
  const idOf = (row: number): Impression['items'][number]['id'] => request.candidates[row]?.id ?? row;
  const headsOf = (of: Int32Array): Float32Array => {
    const heads = new Float32Array(of.length * tasks.length).fill(NaN);
    if (scored === undefined) return heads;
    of.forEach((row, at) =>
      heads.set(scored.heads.subarray(row * tasks.length, (row + 1) * tasks.length), at * tasks.length),
    );
    return heads;
  };
  const others = scored && exploration && unshownRows(scored.scores, rows);
  return {
    kind: 'impression',
    time: input.time,
    requestId: request.requestId,
    userId: request.user?.id,
    ranker,
    version,
    fingerprint: fingerprintOf(definition),
    arms,
    weights,
    tasks,
    candidates: batch.rows,
    items: Array.from(rows, (row, at) => ({
      id: idOf(row),
      position: at + 1,
      row,
      score: scored?.scores[row] ?? NaN,
      propensity: chances?.[at] ?? 1,
    })),
    heads: headsOf(rows),
    fields: new ShownFields(definition, input, rows),
    features: selectRows(batch, rows),
    ...(exploration && { exploration }),
    ...(others && { unshown: { ids: Array.from(others, idOf), rows: others, heads: headsOf(others) } }),
    // Where chances depend on it, the log says it whatever becomes of the definition.
    ...((exploration !== undefined || policy.form !== definition.score.form) && { form: policy.form }),
  };
};

const unshownRows = (scores: Float64Array, shown: Int32Array): Int32Array => {
  const answered = new Set(shown);
  return Int32Array.from(scores.keys()).filter((row) => !answered.has(row) && !Number.isNaN(scores[row] ?? NaN));
};

/** Only what a feature reads: the rest would be kept for nobody. */
class ShownFields {
  readonly user: Fields;
  readonly context: Fields;
  readonly written: readonly (Fields | WrittenFields)[];
  readonly #kept: (candidate: Fields) => Fields;
  readonly #shown: readonly Candidate[];

  constructor(definition: RankerDefinition, { user, context, candidates }: RankingInput<Candidate>, rows: Int32Array) {
    const known = knownFieldsOf(definition);
    const kept = (candidate: Fields): Fields => keep(candidate, known.candidate, 'item_id');
    const write = (candidate: Fields): WrittenFields => new WrittenFields(kept(candidate));
    const name = `logged ${fingerprintOf(definition)}`;
    this.user = keep(user, known.user, 'user_id');
    this.context = keep(context, known.context);
    this.#kept = kept;
    this.#shown = Array.from(rows, (row) => candidates[row] ?? {});
    this.written = this.#shown.map((shown) => (shown instanceof Known ? shown.keep(name, write) : kept(shown)));
  }

  /** Read for whoever asks: the log takes what is written. */
  get candidates(): readonly Fields[] {
    return this.#shown.map((shown) => this.#kept(fieldsOf(shown)));
  }
}

/** The fields themselves where all are known, as is usual: copying 200 candidates costs more than looking through them. */
const keep = (fields: Fields, known: ReadonlyMap<string, unknown>, id?: string): Fields => {
  const isKept = (name: string): boolean => name === id || known.has(name);
  for (const name in fields) {
    if (isKept(name)) continue;
    return Object.fromEntries(Object.entries(fields).filter(([each]) => isKept(each)));
  }
  return fields;
};

const fingerprints = new WeakMap<RankerDefinition, string>();

/** Definitions live as long as the version they came with. */
const fingerprintOf = (definition: RankerDefinition): string => {
  const known = fingerprints.get(definition) ?? fingerprint(definition);
  fingerprints.set(definition, known);
  return known;
};
