import type { LoggedEvent } from '../events/index.js';
import type { Outcome } from '../features/index.js';
import type { ExampleColumns } from './example-columns.js';

/**
 * An event in its place: events of all partitions are merged by (`time`, partition, offset). `time` is the event's own, or
 * its partition's watermark when it came if that is later, so that the order is a function of the log alone. Feedback and
 * updates dated more than a day beyond everything that the service itself has said in their partition are placed at that.
 */
export interface MergedEvent {
  readonly time: number;
  readonly partition: number;
  readonly offset: number;
  readonly event: LoggedEvent;
  /** The offset in its partition from which reading anew gives this event, and all after it, the same times. */
  readonly from: number;
  /** The event's bytes, as the log holds them. */
  readonly value: Uint8Array;
}

/** Rows of one request to be learned from: what was shown, and what came of it in time. */
export interface JoinedExample {
  /** The partition of the events, and a number that grows by one there: names the example for ever. */
  readonly partition: number;
  readonly sequence: number;
  /** Event time of the impression. */
  readonly time: number;
  /** Event time at which nothing in it was waited for any more: examples come in this order, none below the watermark said before. */
  readonly matured: number;
  readonly requestId: string;
  /** Who served it, what, and by what definition: another ranker's where the joiner's ranker learns from that, too. */
  readonly ranker: string;
  readonly version: string;
  readonly fingerprint: string;
  readonly arms: Readonly<Record<string, string>>;
  /** [rows] 1-based. */
  readonly positions: Int32Array;
  /** A feature batch of one request with these rows, encoded. */
  readonly features: Uint8Array;
  /** [rows, tasks] in natural units; NaN = unknown, not waited for in this example, or masked by the task's `when`. */
  readonly labels: Float32Array;
  /** [rows, tasks] as they were served; NaN where nothing was. */
  readonly served: Float32Array;
  /** Event times of the feedback in it, ascending: for freshness. */
  readonly feedbackTimes: Float64Array;
}

/** Several of something in an order, to be read one by one: as objects they need not be there before. */
export interface Sequence<T> extends Iterable<T> {
  readonly length: number;
}

/** What joining says of more events. */
export interface Joined {
  /** Nothing earlier comes any more: event time, in milliseconds; -Infinity before the first event. */
  readonly watermark: number;
  /** For feature state, at once: an impression's rows as nothing happened yet, then each feedback as a correction. */
  readonly outcomes: Sequence<Outcome>;
  /** Rows whose wait is over (or that need none), in the order of their maturity. */
  readonly examples: Sequence<JoinedExample>;
}

/** As a joiner says it: the examples can be given to another thread. */
export interface FreshlyJoined extends Joined {
  readonly examples: ExampleColumns;
}

/** What a joiner makes of a stretch of one partition of `events`, as a record of `examples`. */
export interface JoinedEntry extends Joined {
  readonly ranker: string;
  /** Of the events, and of the record itself. */
  readonly partition: number;
  /** The oldest record of `events` that feedback after `watermark` may still refer to. */
  readonly from: number;
  readonly outcomes: readonly Outcome[];
  readonly examples: readonly JoinedExample[];
  /** The number of the first outcome here: like examples they are numbered one by one. */
  readonly firstOutcome: number;
}

/** Everything that somebody knew at a moment, as frames to be written one after the other; asked for again, the same. */
export type Snapshot = Iterable<Uint8Array>;

/** The log as it is learned from. Where it is cut into `next` calls differs from run to run; the sequence never does. */
export interface JoinedStream {
  /** Of up to `most` log records; waits up to `waitMs` for the first. Nothing new: empty, with the same watermark. */
  next(options: { readonly most: number; readonly waitMs: number }): Promise<Joined>;
  /** Everything needed to go on from here: offsets, merge and join buffers, counters. */
  snapshot(): Snapshot;
  /** What the outcomes handed out so far cover: all before `watermark`; who starts here reads from `offsets` on. */
  position(): StreamPosition;
  close(): Promise<void>;
}

/** Where in the log a feature state stands. Sealed with a version, so that a service can take over. */
export interface StreamPosition {
  readonly watermark: number;
  /** By partition: the oldest record that feedback after `watermark` may still refer to. */
  readonly offsets: readonly number[];
}

/** What joining met, counted from the beginning. */
export interface JoinCounters {
  impressions: number;
  /** The same request again: the first one counts. */
  duplicateImpressions: number;
  /** Of a ranker that nothing is learned from, or of another definition: state learns from them, the model does not. */
  foreignImpressions: number;
  feedback: number;
  /** The same event id again, for the same request: counts once. */
  duplicateFeedback: number;
  /** Of a kind that no label of this ranker reads. */
  unreadFeedback: number;
  /** Without a value that the label of a regression could take. */
  valuelessFeedback: number;
  /** Too late for a label that ignores it. */
  lateFeedback: number;
  /** Dated before its impression: taken as of the same time. */
  skewedFeedback: number;
  /** Came before its impression and was joined when that came. */
  earlyFeedback: number;
  /** Dead letters: no impression came, or it is too long ago. */
  orphanedFeedback: number;
  /** Dead letters: an item that the list did not hold. */
  strangeFeedback: number;
  /** Dead letters: dated more than a day ahead. */
  farAheadFeedback: number;
  /** Dead letters: a part of it cannot be read. */
  unreadableEvents: number;
  outcomes: number;
  examples: number;
}

/** An event that joining cannot use. */
export interface Refused {
  readonly event: MergedEvent;
  /** For people. */
  readonly reason: string;
}

/** For metrics and for people. */
export interface JoinStatus {
  readonly counters: Readonly<JoinCounters>;
  /** Impressions that may still get feedback, and feedback that waits for its impression. */
  readonly impressions: number;
  readonly held: number;
  /** Events read that wait for other partitions. */
  readonly buffered: { readonly events: number; readonly bytes: number };
  /** The partitions whose watermark all others wait for. */
  readonly behind: readonly number[];
}
