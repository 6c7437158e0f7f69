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
  const headsOf = (of: Int32Array): Float32Array =>
    scored === undefined
      ? new Float32Array(of.length * tasks.length).fill(NaN)
      : selectHeads(scored.heads, of, tasks.length);
  const others = scored && exploration && unshownRows(scored.scores, rows);
  const items: Impression['items'][number][] = [];
  rows.forEach((row, at) =>
    items.push({
      id: idOf(row),
      position: at + 1,
      row,
      score: scored?.scores[row] ?? NaN,
      propensity: chances?.[at] ?? 1,
    }),
  );
  return {
    kind: 'impression',
    time: input.time,
    requestId: request.requestId,
    userId: request.user?.id,
    ranker,
    version,
    fingerprint: identityOf(definition).fingerprint,
    arms,
    weights,
    tasks,
    candidates: batch.rows,
    items,
    heads: headsOf(rows),
    fields: new ShownFields(definition, input, rows),
    features: selectRows(batch, rows),
    ...(exploration && { exploration }),
    ...(others && { unshown: { ids: Array.from(others, idOf), rows: others, heads: headsOf(others) } }),
    // Where chances depend on it, the log says it whatever becomes of the definition.
    ...((exploration !== undefined || policy.form !== definition.score.form) && { form: policy.form }),
  };
};

/** [rows, tasks]: of each row its heads, as bits, so that each NaN stays the one that it is. */
const selectHeads = (heads: Float32Array, rows: Int32Array, tasks: number): Float32Array => {
  const from = new Int32Array(heads.buffer, heads.byteOffset, heads.length);
  const selected = new Int32Array(rows.length * tasks);
  for (let at = 0; at < rows.length; at++) {
    const first = (rows[at] ?? 0) * tasks;
    for (let task = 0; task < tasks; task++) selected[at * tasks + task] = from[first + task] ?? 0;
  }
  return new Float32Array(selected.buffer);
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
    const { name } = identityOf(definition);
    const shown: Candidate[] = [];
    const written: (Fields | WrittenFields)[] = [];
    rows.forEach((row) => {
      const candidate = candidates[row] ?? {};
      shown.push(candidate);
      written.push(candidate instanceof Known ? candidate.keep(name, write) : kept(candidate));
    });
    this.user = keep(user, known.user, 'user_id');
    this.context = keep(context, known.context);
    this.written = written;
    this.#kept = kept;
    this.#shown = shown;
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

interface Identity {
  readonly fingerprint: string;
  /** Of what was written of an item: the very same text each time, or items would have to be looked at to compare it. */
  readonly name: string;
}

const identities = new WeakMap<RankerDefinition, Identity>();

/** Definitions live as long as the version they came with. */
const identityOf = (definition: RankerDefinition): Identity => {
  const known = identities.get(definition);
  if (known !== undefined) return known;
  const print = fingerprint(definition);
  const identity = { fingerprint: print, name: `logged ${print}` };
  identities.set(definition, identity);
  return identity;
};
