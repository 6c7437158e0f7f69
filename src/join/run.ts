import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { RankerDefinition } from '../definition/index.js';
import { WatchnextError } from '../errors.js';
import { deadLetterRecord, type EventLog, type LogRecord, type NewRecord } from '../events/index.js';
import { openJoinerCheckpoints, type JoinerCheckpoints } from './checkpoints.js';
import { noCounts } from './counters.js';
import { entriesOf } from './entries.js';
import { createPipeline, type Pipeline } from './pipeline.js';
import type { JoinCounters } from './types.js';

export interface JoinRunOptions {
  readonly log: EventLog;
  readonly definition: RankerDefinition;
  /** Of `events`; all if left out. Each is joined by itself, so that they can be spread over processes. */
  readonly partitions?: readonly number[];
  /** Of this ranker's checkpoints: a folder per partition is made in it. */
  readonly directory: string;
  readonly checkpointMs: number;
  /** Ends it: after a last checkpoint. */
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: JoinProgress) => void;
  /** Told of a log that is away, and of checkpoints that cannot be used while older ones can. */
  readonly onTrouble?: (error: WatchnextError) => void;
  readonly now?: () => number;
}

export interface JoinProgress {
  /** Records of `events` read since the start. */
  readonly records: number;
  readonly counters: JoinCounters;
  /** Event time up to which everything is written; -Infinity while a partition has said no time. */
  readonly watermark: number;
}

interface Lane {
  readonly partition: number;
  readonly pipeline: Pipeline;
  readonly checkpoints: JoinerCheckpoints;
  written: { readonly watermark: number; readonly from: number };
}

const batchRecords = 4096;
const waitMs = 200;
const retryMs = 1000;

/**
 * Joins partitions of `events` apart from who learns, until it is told to stop: appends what is joined to `examples` and what
 * cannot be used to `dead-letters`. A checkpoint is written only when everything before it is durable there; so who is
 * killed writes some of it again, which readers recognise by its numbers.
 *
 * Waits for a log that is away. Rejects with log_gap, log_locked, checkpoint_damaged, or learning_stopped if no checkpoint can
 * be written.
 */
export async function runJoin(options: JoinRunOptions): Promise<JoinProgress> {
  const { log, definition, signal, checkpointMs, onProgress, onTrouble, now = Date.now } = options;
  const partitions = options.partitions ?? (await allOf(log));
  await requireRoom(log, partitions);
  const lanes = await openLanes(options, partitions);
  let records = 0;
  const progress = (): JoinProgress => ({
    records,
    counters: sumOf(lanes.map(({ pipeline }) => pipeline.status().counters)),
    watermark: Math.min(...lanes.map(({ written }) => written.watermark)),
  });
  const stop = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Stopped()), { once: true });
  });
  stop.catch(() => undefined);
  /** Until it succeeds: what is appended again is recognised by its readers. */
  const patiently = async <T>(work: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof WatchnextError) || error.code !== 'log_unavailable') throw error;
        onTrouble?.(error);
        await Promise.race([setTimeout(retryMs), stop]);
      }
    }
  };
  const checkpoint = async (): Promise<void> => {
    for (const { checkpoints, pipeline } of lanes) await checkpoints.write(pipeline.snapshot());
  };

  const from: number[] = [];
  for (const { partition, pipeline } of lanes) from[partition] = pipeline.next()[0] ?? 0;
  const reader = await log.reader('events', { from: Array.from(from, (offset) => offset), partitions });
  let noted = now();
  try {
    while (!signal.aborted) {
      const read = await patiently(() => reader.next({ most: batchRecords, waitMs }));
      records += read.length;
      const made = lanes.map((lane) => joinLane(lane, read, definition.name));
      await patiently(() =>
        log.append(
          'dead-letters',
          made.flatMap(({ letters }) => letters),
        ),
      );
      await patiently(() =>
        log.append(
          'examples',
          made.flatMap(({ entries }) => entries),
        ),
      );
      if (now() - noted >= checkpointMs) {
        await checkpoint();
        noted = now();
      }
      if (read.length > 0) onProgress?.(progress());
    }
    await checkpoint();
  } catch (error) {
    // Told to stop while the log was away: the last checkpoint stays, what was not appended is joined again.
    if (!(error instanceof Stopped)) throw error;
  } finally {
    await reader.close();
  }
  return progress();
}

class Stopped extends Error {}

/** What is joined of a partition goes to the partition of the same number. */
async function requireRoom(log: EventLog, partitions: readonly number[]): Promise<void> {
  for (const topic of ['examples', 'dead-letters'] as const) {
    const count = await log.partitions(topic);
    if (partitions.every((partition) => partition < count)) continue;
    throw new WatchnextError('settings_invalid', `The topic ${topic} has fewer partitions than events.`, {
      problems: [{ path: topic, message: `has ${count}`, hint: 'give it as many partitions as the topic events has' }],
    });
  }
}

async function openLanes(
  { log, definition, directory, onTrouble }: JoinRunOptions,
  partitions: readonly number[],
): Promise<Lane[]> {
  const bounds = await log.bounds('events');
  const lanes: Lane[] = [];
  for (const partition of partitions) {
    const checkpoints = openJoinerCheckpoints(join(directory, String(partition)), (error) => onTrouble?.(error));
    const options = { definition, partitions: [partition], examples: true, start: [bounds[partition]?.first ?? 0] };
    const pipeline =
      (await checkpoints.latest((snapshot) => createPipeline({ ...options, snapshot }))) ?? createPipeline(options);
    lanes.push({ partition, pipeline, checkpoints, written: placeOf(pipeline) });
  }
  return lanes;
}

function joinLane(
  lane: Lane,
  read: readonly LogRecord[],
  ranker: string,
): { letters: NewRecord[]; entries: NewRecord[] } {
  const { partition, pipeline } = lane;
  const some = read.filter((record) => record.partition === partition);
  if (some.length === 0) return { letters: [], entries: [] };
  const firstOutcome = pipeline.status().counters.outcomes;
  const { joined, letters } = pipeline.take(some);
  const before = lane.written;
  lane.written = placeOf(pipeline);
  return {
    letters: letters.map(deadLetterRecord),
    entries: entriesOf(joined, { ranker, partition, firstOutcome, from: lane.written.from, before }),
  };
}

const placeOf = (pipeline: Pipeline): Lane['written'] => {
  const { watermark, offsets } = pipeline.position();
  return { watermark, from: offsets[0] ?? 0 };
};

const allOf = async (log: EventLog): Promise<number[]> =>
  Array.from({ length: await log.partitions('events') }, (_, partition) => partition);

const sumOf = (all: readonly Readonly<JoinCounters>[]): JoinCounters => {
  const sum = noCounts();
  for (const counters of all) {
    for (const [name, count] of Object.entries(counters)) sum[name as keyof JoinCounters] += count;
  }
  return sum;
};
