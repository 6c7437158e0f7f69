import { WatchnextError } from '../errors.js';
import { recordOf, type EventLog, type LoggedEvent, type NewRecord, type TimeMarker } from '../events/index.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import { asWatchnextError, createEventQueue, type QueueOptions } from './queue.js';

/** What others log; the markers of time are the recorder's own. */
export type RecordedEvent = Exclude<LoggedEvent, TimeMarker>;

/** Puts into the event log what the service showed and was told, without ranking ever waiting for it. */
export interface Recorder {
  /**
   * Queues events, each made when its turn comes. What cannot be kept is counted and said once, never thrown; `settled` is
   * called when they are durable or given up.
   */
  offer(events: readonly (() => RecordedEvent)[], settled?: () => void): void;
  /**
   * Resolves when all are durable. Rejects with log_full or log_unavailable; some may be in the log nevertheless, so the same
   * is to be appended again: who reads counts an event once.
   */
  append(events: readonly RecordedEvent[]): Promise<void>;
  /** Says, behind everything queued before, that everything up to now is in the log; resolves when that is durable. */
  mark(): Promise<void>;
  /** Writes what is queued, as far as that can be done in time; takes nothing more. The log stays open. */
  close(): Promise<void>;
}

export interface RecorderOptions {
  readonly log: EventLog;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly bounds?: QueueOptions['bounds'];
  /** Between time markers; Infinity where only {@link Recorder.mark} makes them. */
  readonly markerMs?: number;
  /** How long `append` and `close` wait for the log. */
  readonly timeoutMs?: number;
}

/** Many events of one call are queued in parts, so that encoding them does not hold up requests. */
const recordsPerEntry = 64;
const standardBounds = { records: 65_536, bytes: 64 * 2 ** 20 };
/** A burst of failures is over when there was none for this long. */
const calmMs = 10_000;

/** Writes from now on, a first time marker at once. A log that is away need not be there yet. */
export const createRecorder = (options: RecorderOptions): Recorder => {
  const { log, metrics, logger, now, bounds = standardBounds, markerMs = 1000, timeoutMs = 10_000 } = options;
  const burst = createBurst(logger, now);
  let closed = false;

  const queue = createEventQueue({
    bounds,
    append: async (records) => {
      const started = performance.now();
      await log.append('events', records);
      metrics.observe('watchnext_event_append_seconds', {}, (performance.now() - started) / 1000);
    },
  });
  metrics.beforeScrape(() => metrics.set('watchnext_events_waiting', {}, queue.length));

  /** Resolves with why they could not be kept, if so. */
  const push = (records: number, encode: () => readonly NewRecord[]): Promise<WatchnextError | undefined> =>
    new Promise((resolve) => {
      const settle = (error?: WatchnextError): void => {
        burst.saw(error);
        resolve(error);
      };
      if (closed) resolve(new WatchnextError('log_unavailable', 'The event log is closed: the service stops.'));
      else queue.push({ records, encode, settle });
    });

  const mark = async (): Promise<WatchnextError | undefined> => {
    const partitions = await log.partitions('events');
    return push(partitions, () => {
      const marker: TimeMarker = { kind: 'marker', time: now() };
      return Array.from({ length: partitions }, (_, partition) => recordOf(marker, partition));
    });
  };

  // In the same queue as everything else and one at a time, so that none overtakes what happened before it.
  let marking: Promise<unknown> | undefined;
  const markNext = (): void => {
    marking ??= mark()
      .catch((error: unknown) => burst.saw(asWatchnextError(error)))
      .finally(() => (marking = undefined));
  };

  const marksItself = Number.isFinite(markerMs);
  if (marksItself) markNext();
  const timer = marksItself ? setInterval(markNext, markerMs).unref() : undefined;

  const drop = (events: number, reason: string): void => {
    metrics.count('watchnext_events_dropped_total', { topic: 'events', reason }, events);
    burst.lost(events);
  };

  return {
    offer(events, settled) {
      for (const part of parts(events))
        void push(part.length, () => part.map((make) => recordOf(make()))).then((error) => {
          if (error !== undefined) drop(part.length, error.code);
          settled?.();
        });
    },
    async append(events) {
      const settled = parts(events).map((part) => push(part.length, () => part.map((event) => recordOf(event))));
      const error = await within(
        timeoutMs,
        Promise.all(settled).then((errors) => errors.find(Boolean)),
      );
      if (error !== undefined) throw error;
    },
    async mark() {
      const error = await within(timeoutMs, mark());
      if (error !== undefined) throw error;
    },
    async close() {
      if (closed) return;
      clearInterval(timer);
      closed = true;
      await within(
        timeoutMs,
        queue.drained().then(() => undefined),
      );
      if (queue.length > 0) drop(queue.length, 'closing');
    },
  };
};

const parts = <T>(list: readonly T[]): (readonly T[])[] =>
  Array.from({ length: Math.ceil(list.length / recordsPerEntry) }, (_, part) =>
    list.slice(part * recordsPerEntry, (part + 1) * recordsPerEntry),
  );

/** What the work resolves with, or after this long that the log does not answer. */
const within = async (
  timeoutMs: number,
  work: Promise<WatchnextError | undefined>,
): Promise<WatchnextError | undefined> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<WatchnextError>((resolve) => {
    const error = (): WatchnextError =>
      new WatchnextError('log_unavailable', `The event log did not answer in ${timeoutMs} ms.`, {
        problems: [{ path: 'log', message: 'it does not answer', hint: 'send the same again: it counts once' }],
      });
    timer = setTimeout(() => resolve(error()), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
};

/** One line when a burst of failures begins and one when it is over: a log that is away must not fill the service's own. */
const createBurst = (logger: Logger, now: () => number) => {
  let failedAt: number | undefined;
  let dropped = 0;
  return {
    lost: (events: number): void => void (dropped += events),
    saw: (error: WatchnextError | undefined): void => {
      if (error !== undefined) {
        if (failedAt === undefined) logger.error({ err: error }, 'events cannot be logged; ranking goes on');
        failedAt = now();
      } else if (failedAt !== undefined && now() - failedAt >= calmMs) {
        logger.info({ dropped }, 'events are logged again');
        failedAt = undefined;
        dropped = 0;
      }
    },
  };
};
