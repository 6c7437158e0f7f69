import type { FeatureBatch, Fields } from '../features/index.js';
import type { WrittenFields } from './fields-codec.js';
import type { FieldNames } from './fields-scan.js';

/** An item or user is named by a text or a whole number; 7 and "7" are the same. */
export type EventId = string | number;

/**
 * What was shown, with what the service used: the log is the training set, nothing of it is computed again.
 * Only the answered items are in it, in the order of their positions.
 */
export interface Impression {
  readonly kind: 'impression';
  /** Event time: when the list was asked for. */
  readonly time: number;
  readonly requestId: string;
  /** Undefined for a request that names no user; then the request id is the key. */
  readonly userId: EventId | undefined;
  readonly ranker: string;
  /** As served, `20260430T235959Z-ab12cd` or, with updates applied, `20260430T235959Z-ab12cd+17`. */
  readonly version: string;
  /** Of the definition that made the features. */
  readonly fingerprint: string;
  /** By experiment. */
  readonly arms: Readonly<Record<string, string>>;
  /** By task: what the heads were combined with. */
  readonly weights: Readonly<Record<string, number>>;
  readonly tasks: readonly string[];
  /** How many candidates were ranked; `items` may be fewer. */
  readonly candidates: number;
  readonly items: readonly ShownItem[];
  /** [items, tasks] in natural units; NaN where nothing could be scored. */
  readonly heads: Float32Array;
  /** The merged fields as the features saw them; `candidates` is per item. What no feature reads is left out. */
  readonly fields: {
    readonly user: Fields;
    readonly context: Fields;
    readonly candidates: readonly Fields[];
    /** [items] The same as they are logged, some written before. An impression that is read has none. */
    readonly written?: readonly (Fields | WrittenFields)[];
  };
  /** How the order was varied; left out where nothing is random. */
  readonly exploration?: Exploration | undefined;
  /**
   * Candidates that were scored and not answered, where the order was varied: with their heads any other weights can be
   * tried on the whole list. `rows` are places in the request, heads are [ids, tasks].
   */
  readonly unshown?:
    { readonly ids: readonly EventId[]; readonly rows: Int32Array; readonly heads: Float32Array } | undefined;
  /** How heads became a score; the definition's form where it is left out. */
  readonly form?: 'product' | 'sum' | undefined;
  /** One request with the items as its rows: the values as they were read, before anything fitted is applied. */
  readonly features: FeatureBatch;
  /** Of `items` what is looked at in every impression, without the rest. An impression read from the log has it. */
  readonly list?: ItemList;
  /**
   * Of `fields`, those with these names that are texts, finite numbers or booleans, without reading the others; undefined
   * where that cannot be told so. An impression read from the log has it. Records of items may be frozen and shared.
   */
  namedFields?(names: FieldNames): Impression['fields'] | undefined;
  /** `features` as bytes, where they are at hand: an impression read from the log has them without decoding. */
  readonly encodedFeatures?: Uint8Array;
}

/** The policy that drew an order, and what it drew: with the scores this gives every chance again. */
export interface Exploration {
  /** Share of requests ranked by score with Gumbel noise, and its temperature. */
  readonly share: number;
  readonly temperature: number;
  /** Share of requests in which the first and one other place may change. */
  readonly swaps: number;
  readonly drawn: 'greedy' | 'noise' | 'swap';
  /** With `swap`: the position (from 2) that was drawn, and whether it changed places with the first. */
  readonly swap?: { readonly position: number; readonly swapped: boolean };
}

/** [items] in the order of their positions, which are 1-based. */
export interface ItemList {
  readonly ids: readonly EventId[];
  readonly positions: readonly number[];
}

export interface ShownItem {
  readonly id: EventId;
  /** 1-based. */
  readonly position: number;
  /**
   * 0-based place in the request, left out where it is not known. Scoring is bit for bit the same only for the same row of as
   * many: vector code handles the last rows of a block in another way (measured: 0 of 15,750 values differ in place, 1 in 30
   * elsewhere in a short list).
   */
  readonly row?: number;
  /** NaN for an item that could not be scored. */
  readonly score: number;
  /**
   * The chance with which the policy put it there, given the items above it, over everything that is random; 1 where nothing
   * is. Their product is the chance of the whole list.
   */
  readonly propensity: number;
}

export const feedbackKinds = ['click', 'watch', 'like', 'dislike', 'dismiss', 'share', 'follow', 'rating'] as const;

/** What somebody did with an item they were shown. */
export interface Feedback {
  readonly kind: 'feedback';
  /** Event time: when it happened. */
  readonly time: number;
  /** Names the event: sent again, it counts once. */
  readonly eventId: string;
  readonly requestId: string;
  readonly userId: EventId | undefined;
  readonly itemId: EventId;
  /** One of {@link feedbackKinds}, or one that a ranker's `labels` name. */
  readonly what: string;
  /** Seconds watched, the rating; undefined where the kind needs none. */
  readonly value: number | undefined;
}

/** Somebody was first ranked under an arm of an experiment: once per user, experiment and phase. */
export interface Exposure {
  readonly kind: 'exposure';
  readonly time: number;
  readonly userId: EventId;
  readonly experiment: string;
  readonly arm: string;
  readonly phase: string;
}

/** New fields of an item or user. */
export interface EntityUpdate {
  readonly kind: 'item' | 'user';
  readonly time: number;
  readonly id: EventId;
  readonly fields: Fields;
}

/** "This partition has everything up to this time": lets time pass where nothing else happens. */
export interface TimeMarker {
  readonly kind: 'marker';
  readonly time: number;
}

export type LoggedEvent = Impression | Feedback | Exposure | EntityUpdate | TimeMarker;

/** `events`: all of the above, keyed by user; `examples`: what joining makes of them; `dead-letters`: what cannot be used, with the reason. */
export const topics = ['events', 'examples', 'dead-letters'] as const;
export type Topic = (typeof topics)[number];

/** One entry of the log. */
export interface LogRecord {
  readonly partition: number;
  /** Place in the partition; later entries have larger ones, not always by one. */
  readonly offset: number;
  /** As given when it was appended, in milliseconds since the epoch. */
  readonly time: number;
  readonly value: Uint8Array;
}

/** An entry to be appended: records of one key go to one partition and keep their order. */
export type NewRecord = {
  readonly time: number;
  readonly value: Uint8Array;
} & ({ readonly key: string } | { readonly partition: number });

/** By partition: the offset to read next. */
export type Offsets = readonly number[];

/**
 * An ordered, partitioned, durable log. `partitionOf(key, partitions)` is the same for every implementation, so that events
 * can move from one to the other and stay where they belong.
 */
export interface EventLog {
  readonly kind: 'embedded' | 'kafka';
  partitions(topic: Topic): Promise<number>;
  /**
   * Resolves when all records are durable. Records of one partition keep the order of the calls and within a call. Rejects
   * with log_unavailable (nothing or a part was written: append the same again, who reads counts an event once), log_full or,
   * for an embedded log that another process writes, log_locked.
   */
  append(topic: Topic, records: readonly NewRecord[]): Promise<void>;
  /** Throws event_invalid for records that it never takes, whether it can be reached or not. One that takes all has no check. */
  readonly check?: (records: readonly NewRecord[]) => void;
  /** Any number of readers, in any process. */
  reader(topic: Topic, options: ReaderOptions): Promise<LogReader>;
  /** By partition: the first offset kept and the one that the next record will get (or a later one). */
  bounds(topic: Topic): Promise<readonly { readonly first: number; readonly next: number }[]>;
  close(): Promise<void>;
}

export interface ReaderOptions {
  readonly from: Offsets | 'start' | 'end';
  /** All if left out. */
  readonly partitions?: readonly number[];
}

export interface LogReader {
  /**
   * Up to `most` records, each partition in its order; waits up to `waitMs` for the first and answers none if none came.
   * Rejects with log_gap if retention removed what should be read next.
   */
  next(options: { readonly most: number; readonly waitMs: number }): Promise<LogRecord[]>;
  close(): Promise<void>;
}
