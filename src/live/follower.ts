import { setTimeout as sleep } from 'node:timers/promises';
import { streamSettings, type RankerDefinition } from '../definition/index.js';
import { WatchnextError } from '../errors.js';
import type { EventLog, Offsets } from '../events/index.js';
import type { FeatureState } from '../features/index.js';
import {
  createJoiner,
  createMerge,
  openFairReader,
  type FairReader,
  type Merge,
  type MergedEvent,
  type StreamPosition,
} from '../join/index.js';
import type { Logger, Metrics } from '../telemetry/index.js';

/** Where feature state stands: it knows all outcomes before `from`; who goes on reads the log from `offsets`. */
export interface Start {
  readonly from: number;
  readonly offsets: StreamPosition['offsets'] | 'start';
}

export interface FollowerOptions {
  readonly log: EventLog;
  readonly definition: RankerDefinition;
  /** Told of everything new; who ranks reads it at the same time. */
  readonly state: FeatureState;
  readonly start: Start;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly now: () => number;
  /** Reads the log only while `caughtUp` waits, so that the state stands still in between; always if left out. */
  readonly onDemand?: boolean;
}

export interface Follower {
  /** When the state last knew everything that was in the log, by the clock. */
  readonly knewAllAt: number;
  /** Resolves when everything is taken in that was in the log at the call, or after `patienceMs`. */
  caughtUp(patienceMs: number): Promise<void>;
  close(): Promise<void>;
}

/** Somebody waits for everything before these offsets, by partition. */
interface Demand {
  readonly until: Offsets;
  readonly meet: () => void;
}

/** How soon new events are seen where nothing wakes the reader. */
const pollMs = 50;
const recordsPerRead = 64;
/** Events are taken in for so long without a break; then requests have their turn. */
const sliceMs = 2;
const pauseMs = 1;
const retryMs = 1000;
const mostBufferedBytes = 64 * 2 ** 20;

/**
 * Follows the `events` of the log and tells a feature state what happens. While it catches up it takes them in the order of
 * the merge, as the learner does; from then on as they come, because a feedback is to show in a second, not when all
 * partitions have passed it. The sums do not depend on that order; what stands in a history differs only where two events of
 * one key came in another order than they happened.
 *
 * Nothing stops it: while the log is away it tries again every second, and what cannot be read is counted and passed over.
 */
export function follow(options: FollowerOptions): Follower {
  const { log, definition, state, start, logger, metrics, now, onDemand = false } = options;
  const ranker = definition.name;
  const joiner = createJoiner(definition, { examples: false });
  const stop = new AbortController();
  const stopped = (): boolean => stop.signal.aborted;
  let knewAllAt = Number.isFinite(start.from) ? start.from : now();
  let reader: FairReader | undefined;
  let merge: Merge | undefined;
  let caughtUp = false;
  let saidWhy = '';
  /** By partition: the first offset that was not taken in yet. */
  let taken: readonly number[] = [];
  const demands = new Set<Demand>();
  let wake: (() => void) | undefined;

  const isIn = ({ until }: Demand): boolean => until.every((next, partition) => (taken[partition] ?? 0) >= next);
  const count = (kind: string, by = 1): void => metrics.count('watchnext_state_events_total', { ranker, kind }, by);

  const open = async (): Promise<{ reader: FairReader; merge: Merge }> => {
    const bounds = await log.bounds('events');
    const partitions = bounds.map((_, partition) => partition);
    const wanted = merge?.places.map(({ next }) => next) ?? (start.offsets === 'start' ? undefined : start.offsets);
    const from = bounds.map(({ first, next }, partition) => {
      const offset = wanted?.[partition] ?? first;
      return offset < first || offset > next ? first : offset;
    });
    const lost = partitions.filter((partition) => (wanted?.[partition] ?? Infinity) < (bounds[partition]?.first ?? 0));
    if (lost.length > 0)
      logger.warn({ ranker, partitions: lost }, 'retention dropped events that feature state had not seen yet');
    if (merge === undefined || lost.length > 0) {
      const { outOfOrderMs } = streamSettings(definition);
      merge = createMerge({ partitions, from, outOfOrderMs, onBad: () => count('unreadable') });
    }
    const opened = merge;
    const next = (): number[] => opened.places.map((place) => place.next);
    const behind = (): number[] => {
      const least = Math.min(...opened.places.map(({ largest }) => largest));
      return opened.places.flatMap(({ partition, largest }) => (largest === least ? [partition] : []));
    };
    const buffered = (): { bytes: number; behind: number[]; next: number[] } => ({
      bytes: opened.buffered.bytes,
      behind: behind(),
      next: next(),
    });
    reader = await openFairReader({ log, topic: 'events', partitions, mostBytes: mostBufferedBytes, state: buffered });
    return { reader, merge: opened };
  };

  const take = (merged: MergedEvent): void => {
    try {
      joiner.take(merged);
      const { outcomes } = joiner.advance(Number.NEGATIVE_INFINITY);
      // What happened before is in the snapshot; the joiner must know it all the same, for what is still to be said of it.
      if (merged.time >= start.from) state.observe(outcomes);
      count(merged.event.kind);
    } catch (error) {
      count('unreadable');
      logger.error({ ranker, err: error }, 'an event was passed over: feature state cannot take it in');
    }
  };

  /** Takes events in, a slice at a time; between slices the thread is free. */
  const takeAll = async (events: readonly MergedEvent[]): Promise<void> => {
    let began = performance.now();
    for (const merged of events) {
      take(merged);
      if (performance.now() - began < sliceMs) continue;
      state.advance(Math.min(now(), merged.time));
      await sleep(pauseMs);
      if (stopped()) return;
      began = performance.now();
    }
    const last = events.at(-1);
    if (last !== undefined) state.advance(Math.min(now(), last.time));
  };

  const step = async (): Promise<void> => {
    const current = reader === undefined || merge === undefined ? await open() : { reader, merge };
    const records = await current.reader.next({ most: recordsPerRead, waitMs: pollMs });
    current.merge.push(records);
    const isMore = records.length === recordsPerRead;
    if (!isMore) caughtUp ||= await isAtEnd(log, current.merge);
    const events: MergedEvent[] = [];
    const collect = (event: MergedEvent): void => void events.push(event);
    // A partition that is silent holds the others back only as long as there is more to read of them; also of a burst.
    if (!isMore && (caughtUp || records.length === 0)) current.merge.drain(collect);
    else current.merge.release(collect);
    await takeAll(events);
    joiner.advance(current.merge.watermark);
    if (current.merge.buffered.events === 0) taken = current.merge.places.map(({ next }) => next);
    if (caughtUp && !isMore) knewAllAt = now();
    if (saidWhy !== '') logger.info({ ranker }, 'feature state follows the event log again');
    saidWhy = '';
  };

  const run = async (): Promise<void> => {
    while (!stopped()) {
      if (onDemand && demands.size === 0) {
        await new Promise<void>((resolve) => (wake = resolve));
        continue;
      }
      try {
        await step();
        for (const demand of [...demands]) if (isIn(demand)) demand.meet();
      } catch (error) {
        if (stopped()) return;
        const reason = error instanceof Error ? error.message : String(error);
        // A fault here costs the events at hand, not the service; the reason is said once, not every second.
        if (reason !== saidWhy) logger.warn({ ranker, err: error }, 'feature state cannot follow the event log');
        saidWhy = reason;
        const gap = error instanceof WatchnextError && error.code === 'log_gap';
        caughtUp = false;
        await reader?.close().catch(() => undefined);
        reader = undefined;
        if (!gap) await sleep(retryMs, undefined, { signal: stop.signal }).catch(() => undefined);
      }
    }
  };

  const running = run();
  return {
    get knewAllAt() {
      return knewAllAt;
    },
    caughtUp: async (patienceMs) => {
      const bounds = await log.bounds('events');
      await new Promise<void>((resolve) => {
        const demand: Demand = {
          until: bounds.map(({ next }) => next),
          meet: () => {
            clearTimeout(timer);
            demands.delete(demand);
            resolve();
          },
        };
        const timer = setTimeout(demand.meet, patienceMs);
        demands.add(demand);
        if (stopped() || isIn(demand)) demand.meet();
        else wake?.();
      });
    },
    close: async () => {
      stop.abort();
      wake?.();
      for (const demand of [...demands]) demand.meet();
      await reader?.close().catch(() => undefined);
      await running;
      await reader?.close().catch(() => undefined);
    },
  };
}

const isAtEnd = async (log: EventLog, { places }: Merge): Promise<boolean> => {
  const bounds = await log.bounds('events');
  return places.every(({ partition, next }) => next >= (bounds[partition]?.next ?? 0));
};
