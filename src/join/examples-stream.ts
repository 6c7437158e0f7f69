import type { RankerDefinition } from '../definition/index.js';
import { WatchnextError } from '../errors.js';
import type { DeadLetter, EventLog, LogRecord, Offsets } from '../events/index.js';
import { decodeFrame, encodeFrame, type Outcome } from '../features/index.js';
import { ExamplesLane, type LaneMemory } from './examples-lane.js';
import { openFairReader } from './fair-reader.js';
import { decodeJoined } from './joined-codec.js';
import { mostBufferedBytes } from './stream.js';
import type { Joined, JoinedEntry, JoinedExample, JoinedStream, Snapshot } from './types.js';

const format = { magic: 'WNJX', version: 1, what: 'stream of examples' };

/** Numbers per partition. */
const width = 6;

export interface ExamplesStreamOptions {
  readonly log: EventLog;
  readonly definition: RankerDefinition;
  /** To go on where another stream was: what its `snapshot` answered. */
  readonly snapshot?: Snapshot;
  /** Where in `examples` to begin otherwise; the start of the log if left out. */
  readonly from?: Offsets | 'start';
  /** Told of every record that cannot be read, before what came with it is handed out. */
  readonly onDeadLetter?: (letter: DeadLetter) => void | Promise<void>;
  /** Beyond this only the partitions that all others wait for are read on; 256 MiB if left out. */
  readonly mostBufferedBytes?: number;
}

/**
 * Reads what joiners wrote to `examples` for this ranker: the same sequence that openJoinedStream makes of `events` itself
 * (where all feedback of a request lies in its impression's partition), each example and outcome once, however often joiners
 * were killed and began again.
 *
 * `next` rejects as LogReader.next and as `onDeadLetter` do, and then hands out the same when it is called again; with
 * log_damaged where the entries of a partition do not follow each other. Its `position` speaks of `events`.
 */
export async function openExamplesStream(options: ExamplesStreamOptions): Promise<JoinedStream> {
  const { log, definition, snapshot, from = 'start', onDeadLetter } = options;
  const [bounds, events] = [await log.bounds('examples'), await log.bounds('events')];
  const begin = events.map(({ first }, partition): LaneMemory => ({
    partition,
    offset: (from === 'start' ? undefined : from[partition]) ?? bounds[partition]?.first ?? 0,
    outcome: -1,
    example: -1,
    watermark: Number.NEGATIVE_INFINITY,
    from: first,
    torn: 0,
  }));
  const memory =
    snapshot === undefined ? { watermark: Number.NEGATIVE_INFINITY, lanes: begin } : decodeStream(snapshot);
  if (memory.lanes.length !== begin.length) {
    throw new WatchnextError('checkpoint_damaged', `What was saved is of ${memory.lanes.length} partitions.`, {
      problems: [
        { path: 'partitions', message: `the log has ${begin.length}`, hint: 'start anew from a sealed version' },
      ],
    });
  }
  const lanes = memory.lanes.map((lane) => new ExamplesLane(lane));
  let watermark = memory.watermark;
  const behind = (): number[] => {
    const least = Math.min(...lanes.map((lane) => lane.watermark));
    return lanes.filter((lane) => lane.watermark === least).map(({ partition }) => partition);
  };
  const reader = await openFairReader({
    log,
    topic: 'examples',
    partitions: lanes.map(({ partition }) => partition),
    mostBytes: options.mostBufferedBytes ?? mostBufferedBytes,
    state: () => ({
      bytes: lanes.reduce((sum, { bytes }) => sum + bytes, 0),
      behind: behind(),
      next: lanes.map(({ next }) => next),
    }),
  });

  const add = (record: LogRecord, letters: DeadLetter[]): void => {
    const { partition, offset, time, value } = record;
    const lane = lanes[partition];
    if (lane === undefined || offset < lane.next) return;
    const entry = decoded(value);
    if (entry instanceof WatchnextError) {
      letters.push({ time, reason: entry.message, topic: 'examples', partition, offset, value });
      lane.skip();
    } else if (entry.ranker === definition.name) lane.add(entry, { offset, bytes: value.length });
    lane.next = offset + 1;
  };

  const release = (): Joined => {
    watermark = Math.max(watermark, Math.min(...lanes.map((lane) => lane.watermark)));
    const outcomes: Outcome[] = [];
    const examples: JoinedExample[] = [];
    const each = {
      outcome: (outcome: Outcome) => void outcomes.push(outcome),
      example: (example: JoinedExample) => void examples.push(example),
    };
    for (const lane of lanes) lane.release(watermark, each);
    // Sorting is stable: within a partition everything is in its order already.
    outcomes.sort((a, b) => a.time - b.time);
    examples.sort((a, b) => a.matured - b.matured);
    return { watermark, outcomes, examples };
  };

  let pending: { readonly joined: Joined; readonly letters: readonly DeadLetter[] } | undefined;
  return {
    async next(how) {
      if (pending === undefined) {
        const letters: DeadLetter[] = [];
        for (const record of await reader.next(how)) add(record, letters);
        pending = { joined: release(), letters };
      }
      await Promise.all(pending.letters.map(async (letter) => onDeadLetter?.(letter)));
      const { joined } = pending;
      pending = undefined;
      return joined;
    },
    snapshot() {
      if (pending !== undefined) throw new Error('The last call of next() failed: call it again first.');
      return encodeStream(
        watermark,
        lanes.map((lane) => lane.memory(watermark)),
      );
    },
    position: () => ({ watermark, offsets: lanes.map((lane) => lane.from) }),
    close: () => reader.close(),
  };
}

function decoded(value: Uint8Array): JoinedEntry | WatchnextError {
  try {
    return decodeJoined(value);
  } catch (error) {
    if (error instanceof WatchnextError) return error;
    throw error;
  }
}

const encodeStream = (watermark: number, lanes: readonly LaneMemory[]): Snapshot => [
  encodeFrame(format, {}, [
    Float64Array.of(watermark),
    Float64Array.from(
      lanes.flatMap((lane) => [lane.offset, lane.outcome, lane.example, lane.watermark, lane.from, lane.torn]),
    ),
  ]),
];

function decodeStream(snapshot: Snapshot): { watermark: number; lanes: LaneMemory[] } {
  const [bytes = new Uint8Array(0)] = snapshot;
  const frame = decodeFrame(bytes, format);
  const [watermark = Number.NEGATIVE_INFINITY] = frame.next('f64', 1);
  const numbers = frame.next('f64');
  const lanes = Array.from({ length: numbers.length / width }, (_, partition): LaneMemory => {
    const [offset = 0, outcome = 0, example = 0, own = 0, from = 0, torn = 0] = numbers.subarray(partition * width);
    return { partition, offset, outcome, example, watermark: own, from, torn };
  });
  return { watermark, lanes };
}
