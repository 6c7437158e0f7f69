/**
 * A field of a user, a context or an item as people send it. `undefined` and `null` mean missing.
 * Everything that reaches a feature goes through this type: no feature sees a request or a file.
 */
export type FieldValue = string | number | boolean | null | undefined | readonly (string | number)[] | Float32Array;
export type Fields = Readonly<Record<string, FieldValue>>;

/** One request to be ranked, or one served list of a log. `candidates` hold `item_id`, `user` holds `user_id` if known. */
export interface RankingInput<Candidate = Fields> {
  /** Milliseconds since the epoch: when the list was asked for. */
  readonly time: number;
  readonly user: Fields;
  readonly context: Fields;
  readonly candidates: readonly Candidate[];
}

/**
 * What a feature read for n entities, before anything fitted is applied: this is what an impression logs and what training
 * spools, so that online and offline start from the same bytes.
 *
 *   numbers  [n, width], NaN = missing
 *   keys     n bags of 64-bit id hashes: bag i is keys[2*offsets[i] .. 2*offsets[i+1]) as (high, low) pairs
 */
export type Column =
  | { readonly side: Side; readonly type: 'numbers'; readonly width: number; readonly values: Float32Array }
  | { readonly side: Side; readonly type: 'keys'; readonly offsets: Int32Array; readonly keys: Uint32Array };

/** User and context columns have one entry per request, candidate columns one per row. */
export type Side = 'request' | 'candidate';

/** The read values of whole requests: `requests` entries in a request-side column, `rows` in a candidate-side one. */
export interface FeatureBatch {
  readonly requests: number;
  readonly rows: number;
  /** [rows] the request each row belongs to, ascending. */
  readonly requestOf: Int32Array;
  readonly columns: ReadonlyMap<string, Column>;
}

/** By task, NaN = unknown. */
export type Labels = Readonly<Record<string, number>>;

/** What happened to one candidate of one request; the only thing state learns from. */
export interface Outcome {
  readonly time: number;
  readonly user: Fields;
  readonly context: Fields;
  readonly candidate: Fields;
  readonly labels: Labels;
  /**
   * Labels said earlier of this same row: this outcome corrects them, and state takes in only the difference. A row that was
   * said to be without a click and then corrected leaves the state as if the click had been known at once.
   */
  readonly before?: Labels;
  /** For a correction, when the row was first spoken of: a difference has faded since then as the row itself has. */
  readonly since?: number;
}

/** Where entity fields live: memory, LMDB, Redis. Keys are opaque texts. */
export interface FeatureStore {
  /** [keys] in the order asked; undefined where nothing is stored. */
  read(keys: readonly string[]): Promise<(Uint8Array | undefined)[]>;
  /** All or none; durable when the promise resolves (as far as the store is durable). `undefined` deletes. */
  apply(writes: readonly { readonly key: string; readonly value: Uint8Array | undefined }[]): Promise<void>;
  close(): Promise<void>;
}

/** Where a feature's encoding lies in the input matrices; made once from a definition. */
export interface InputSlot {
  readonly feature: string;
  readonly side: Side;
  /** First column in the side's matrix and how many columns. */
  readonly offset: number;
  readonly width: number;
  /** The embedding table the slot is gathered from; absent for dense slots. */
  readonly table?: string;
}

export interface TableSpec {
  readonly name: string;
  readonly dim: number;
  readonly minCount: number;
  readonly expireMs?: number;
}

/** The shape of the network's input: request [requests, requestWidth], candidate [rows, candidateWidth]. */
export interface InputLayout {
  readonly requestWidth: number;
  readonly candidateWidth: number;
  readonly slots: readonly InputSlot[];
  readonly tables: readonly TableSpec[];
  /** Cells of the screen's cross (0 without `bias`); cell k is column k of a [rows, biasCells] one-hot, all zero = missing. */
  readonly biasCells: number;
}

/** The input matrices of one batch, as the network takes them. */
export interface NetworkInputs {
  readonly requests: number;
  readonly rows: number;
  readonly request: Float32Array; // [requests, requestWidth]
  readonly candidate: Float32Array; // [rows, candidateWidth]
  readonly requestOf: Int32Array; // [rows]
}

/** One embedded slot of a batch: which ids each entry of its side pools. */
export interface EmbeddingLookup {
  readonly slot: InputSlot;
  readonly offsets: Int32Array;
  readonly keys: Uint32Array;
}

/** What was fitted for one feature; the names and lengths are private to its kind. */
export type FeatureFit = Readonly<Record<string, readonly number[]>>;

/** Everything fitted on the training data, as plain JSON: sealed with a model, needed to encode. */
export interface FeatureParameters {
  readonly version: 1;
  readonly features: Readonly<Record<string, FeatureFit>>;
}

/** What a feature met while it read: counted, never an error. */
export interface FeatureCounter {
  /** No value, or no key to find state by. */
  missing: number;
  /** A value that cannot be used: a category that is not listed, text where a number belongs, a vector of another width. */
  unknown: number;
  /** A number beyond min or max (clipped), or a start time in the future (age 0). */
  outOfRange: number;
}
export type FeatureCounters = ReadonlyMap<string, FeatureCounter>;
