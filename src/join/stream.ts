import type { RankerDefinition } from '../definition/index.js';
import type { DeadLetter, EventLog, Offsets } from '../events/index.js';
import { openFairReader } from './fair-reader.js';
import { createPipeline, type Pipeline } from './pipeline.js';
import type { JoinedStream, JoinStatus, Snapshot } from './types.js';

export interface JoinedStreamOptions {
  readonly log: EventLog;
  readonly definition: RankerDefinition;
  /** To go on where another stream was: what its `snapshot` answered. */
  readonly snapshot?: Snapshot;
  /** Where to begin otherwise: by partition, e.g. a StreamPosition's `offsets`; the start of the log if left out. */
  readonly from?: Offsets | 'start';
  /** False where only outcomes are wanted: then far less is kept. True if left out. */
  readonly examples?: boolean;
  /** Told of every event that cannot be used, before what came with it is handed out. */
  readonly onDeadLetter?: (letter: DeadLetter) => void | Promise<void>;
  /** Beyond this only the partitions that all others wait for are read on; 256 MiB if left out. */
  readonly mostBufferedBytes?: number;
}

export interface EventStream extends JoinedStream {
  status(): JoinStatus;
}

/**
 * Reads the `events` of a log, merges their partitions and joins them. The sequence of what it hands out is a function of
 * the log: not of how it is read, nor of when a snapshot was taken and gone on from.
 *
 * Throws artifact_damaged for a snapshot that cannot be read, checkpoint_damaged for one of another log or other labels;
 * `next` rejects as LogReader.next and as `onDeadLetter` do, and then hands out the same when it is called again.
 */
export async function openJoinedStream(options: JoinedStreamOptions): Promise<EventStream> {
  const { log, definition, snapshot, from = 'start', onDeadLetter, examples = true } = options;
  const partitions = Array.from({ length: await log.partitions('events') }, (_, partition) => partition);
  const begin = from === 'start' ? (await log.bounds('events')).map(({ first }) => first) : from;
  const pipeline = createPipeline({ definition, partitions, examples, start: begin, ...(snapshot && { snapshot }) });
  const reader = await openFairReader({
    log,
    topic: 'events',
    partitions,
    mostBytes: options.mostBufferedBytes ?? mostBufferedBytes,
    state: () => {
      const { buffered, behind } = pipeline.status();
      return { bytes: buffered.bytes, behind, next: pipeline.next() };
    },
  });
  let pending: ReturnType<Pipeline['take']> | undefined;
  return {
    async next(how) {
      pending ??= pipeline.take(await reader.next(how));
      await Promise.all(pending.letters.map(async (letter) => onDeadLetter?.(letter)));
      const { joined } = pending;
      pending = undefined;
      return joined;
    },
    snapshot() {
      if (pending !== undefined) throw new Error('The last call of next() failed: call it again first.');
      return pipeline.snapshot();
    },
    position: () => pipeline.position(),
    status: () => pipeline.status(),
    close: () => reader.close(),
  };
}

/** Of events read that wait for other partitions. */
export const mostBufferedBytes = 256 * 2 ** 20;
