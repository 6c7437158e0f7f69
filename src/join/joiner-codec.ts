import { WatchnextError } from '../errors.js';
import { encodeFrame, frameChecksum, readFrame, type Frame } from '../features/index.js';
import { noCounts } from './counters.js';
import { FrozenLists } from './frozen.js';
import { readVersion1 } from './joiner-codec-1.js';
import type { ListShelf } from './kept-list.js';
import type { LessonShelf, Served } from './lesson.js';
import { ListColumns, readLists } from './lists-frame.js';
import { packEvents, unpackEvents } from './packing.js';
import type { Shown } from './shown.js';
import { Slab } from './slab.js';
import type { JoinCounters, MergedEvent, Snapshot } from './types.js';

/**
 * Frames one after the other: the head with what is not of lists, then lists in the order in which they were shown, then
 * feedback that waits. Each holds the checksum of the one before, so that none can be missing, twice or of another snapshot.
 */
const format = { magic: 'WNJJ', version: 2, older: [1], what: 'joiner' };

/** What a joiner knows. */
export interface JoinerMemory {
  readonly watermark: number;
  /** By partition: the next example's number. */
  readonly sequences: readonly number[];
  readonly counters: JoinCounters;
  /** In the order in which they were shown. */
  readonly shown: readonly Shown[];
  readonly held: readonly MergedEvent[];
}

interface Head {
  readonly subject: string;
  readonly counters: JoinCounters;
  /** How many there are of each. */
  readonly lists: number;
  readonly held: number;
}

/** Of events that wait, in a frame without its last. */
const mostHeldBytes = 4 * 2 ** 20;

/** What a joiner knows now, whatever becomes of it: its frames are made when they are asked for, each time anew. */
export function encodeJoiner(
  { watermark, held, ...memory }: JoinerMemory,
  { subject, tasks }: { readonly subject: string; readonly tasks: number },
): Snapshot {
  const shown = new FrozenLists(memory.shown, tasks);
  const head: Head = { subject, counters: { ...memory.counters }, lists: shown.length, held: held.length };
  const numbers = [Float64Array.of(watermark), Float64Array.from(memory.sequences)];
  return {
    *[Symbol.iterator]() {
      let follows = 0;
      const noted = (frame: Uint8Array): Uint8Array => {
        follows = frameChecksum(frame);
        return frame;
      };
      yield noted(encodeFrame(format, head, numbers));
      const columns = new ListColumns(tasks);
      for (const list of shown) {
        if (!columns.hasRoomFor(list)) yield noted(columns.frame(format, follows));
        columns.add(list);
      }
      if (columns.length > 0) yield noted(columns.frame(format, follows));
      for (const events of pieces(held)) yield noted(encodeFrame(format, { follows }, packEvents(events)));
    },
  };
}

function* pieces(events: readonly MergedEvent[]): Generator<readonly MergedEvent[]> {
  let [start, bytes] = [0, 0];
  for (let end = 1; end <= events.length; end++) {
    bytes += events[end - 1]?.value.length ?? 0;
    if (bytes < mostHeldBytes && end < events.length) continue;
    yield events.slice(start, end);
    [start, bytes] = [end, 0];
  }
}

export interface JoinerPlace {
  readonly subject: string;
  /** How many a row has labels of. */
  readonly tasks: number;
  readonly own: Served;
  readonly shelf: LessonShelf;
  readonly lists: ListShelf;
}

/**
 * Of frames as encodeJoiner or a version before it made them, one at a time. Throws artifact_damaged for anything else,
 * checkpoint_damaged for another subject.
 */
export function decodeJoiner(snapshot: Snapshot, place: JoinerPlace): JoinerMemory {
  const frames = snapshot[Symbol.iterator]();
  const shown: Shown[] = [];
  const held: MergedEvent[] = [];
  let last: Frame | undefined;
  const next = (): Uint8Array => {
    const found = frames.next();
    if (found.done !== true) return found.value;
    if (last === undefined) return new Uint8Array(0);
    throw last.damaged(`it ends after ${shown.length} lists and ${held.length} events that wait`);
  };
  const read = <T>(how: (frame: Frame) => T): T =>
    readFrame(next(), format, (frame) => {
      const { follows } = frame.header as { readonly follows?: number };
      if (last !== undefined && follows !== last.checksum)
        throw frame.damaged('a part of it is of another, or missing');
      last = frame;
      return how(frame);
    });

  const keep = (lists: readonly Shown[], events: readonly MergedEvent[]): void => {
    for (const list of lists) shown.push(list);
    for (const event of events) held.push(event);
  };

  const { lists, waiting, ...memory } = read((frame) => {
    const head = frame.header as Partial<Head>;
    if (head.subject !== place.subject) throw otherSubject();
    const [watermark = Number.NEGATIVE_INFINITY] = frame.next('f64', 1);
    const about = { watermark, sequences: [...frame.next('f64')], counters: { ...noCounts(), ...head.counters } };
    if (frame.version === 1) {
      const known = readVersion1(frame, place);
      keep(known.shown, known.held);
      return { ...about, lists: shown.length, waiting: held.length };
    }
    if (!isCount(head.lists) || !isCount(head.held)) throw frame.damaged('it does not say how many lists there are');
    return { ...about, lists: head.lists, waiting: head.held };
  });
  const shelves = { tasks: place.tasks, lists: place.lists, lessons: place.shelf, labels: new Slab() };
  while (shown.length < lists) {
    keep(
      read((frame) => readLists(frame, shelves)),
      [],
    );
  }
  while (held.length < waiting) keep([], read(unpackEvents));
  const more = shown.length > lists || held.length > waiting || frames.next().done !== true;
  if (more && last !== undefined) throw last.damaged('it holds more than it says');
  return { ...memory, shown, held };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

const otherSubject = (): WatchnextError =>
  new WatchnextError('checkpoint_damaged', 'What was joined so far was joined for other labels or tasks.', {
    problems: [{ path: 'labels', message: 'the definition has changed', hint: 'start anew from a sealed version' }],
  });
