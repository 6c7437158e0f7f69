import { WatchnextError } from '../errors.js';
import type { EventId } from '../events/index.js';
import { encodeFrame, readFrame, type Frame } from '../features/index.js';
import { noCounts } from './counters.js';
import { EventIds } from './event-ids.js';
import type { ListFields, ListShelf } from './kept-list.js';
import type { LabelBook } from './labels.js';
import type { LessonShelf, Served } from './lesson.js';
import { concat, packBytes, packEvents, parts, unpackBytes, unpackEvents } from './packing.js';
import type { Shown } from './shown.js';
import { Slab } from './slab.js';
import type { JoinCounters, MergedEvent } from './types.js';

const format = { magic: 'WNJJ', version: 1, what: 'joiner' };

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

/**
 * Texts of a list: request, items, event ids or 0, fields or 0, then version and arms if it can be learned from, and who
 * served it if that was another ranker.
 */
type Texts = readonly [
  requestId: string,
  items: readonly EventId[],
  seen: readonly string[] | 0,
  fields: ListFields | 0,
  version?: string,
  arms?: Readonly<Record<string, string>>,
  ranker?: string,
  fingerprint?: string,
];

interface Header {
  readonly subject: string;
  readonly counters: JoinCounters;
  readonly shown: readonly Texts[];
}

/** partition, from, time, at, rows, matured, feedback times. */
const width = 7;

export function encodeJoiner(
  { watermark, sequences, counters, shown, held }: JoinerMemory,
  { subject, own, book }: { readonly subject: string; readonly own: Served; readonly book: LabelBook },
): Uint8Array {
  const header: Header = { subject, counters, shown: shown.map((list) => textsOf(list, own)) };
  const numbers = shown.flatMap(({ partition, from, time, at, list, matured, lesson }) => {
    return [partition, from, time, at, list.rows, matured ? 1 : 0, lesson?.feedbackTimes.length ?? 0];
  });
  const lessons = shown.flatMap(({ lesson }) => (lesson === undefined ? [] : [lesson]));
  return encodeFrame(format, header, [
    Float64Array.of(watermark),
    Float64Array.from(sequences),
    Float64Array.from(numbers),
    labelsOf(shown, book),
    concat(
      Int32Array,
      lessons.map(({ positions }) => positions),
    ),
    concat(
      Float32Array,
      lessons.map(({ served }) => served),
    ),
    Float64Array.from(lessons.flatMap(({ feedbackTimes }) => [...feedbackTimes])),
    ...packBytes(lessons.map(({ features }) => features)),
    ...packEvents(held),
  ]);
}

/** [rows of all lists, tasks] */
function labelsOf(shown: readonly Shown[], book: LabelBook): Float32Array {
  const tasks = book.nothing.length;
  const all = new Float32Array(shown.reduce((cells, { list }) => cells + list.rows * tasks, 0));
  let at = 0;
  for (const { list, labels, labelsAt } of shown) {
    const cells = list.rows * tasks;
    if (labels === undefined) book.begin(all, at, list.rows);
    else all.set(labels.subarray(labelsAt, labelsAt + cells), at);
    at += cells;
  }
  return all;
}

const textsOf = ({ requestId, list, seen, lesson }: Shown, own: Served): Texts => {
  const texts = [requestId, list.ids(), seen?.list() ?? 0, list.fields() ?? 0] as const;
  if (lesson === undefined) return texts;
  const { version, arms, ranker, fingerprint } = lesson;
  const isOwn = ranker === own.ranker && fingerprint === own.fingerprint;
  return isOwn ? [...texts, version, arms] : [...texts, version, arms, ranker, fingerprint];
};

const unlabelled = { labels: undefined, labelsAt: 0 };

/** Throws artifact_damaged for anything that encodeJoiner did not write, checkpoint_damaged for another subject. */
export const decodeJoiner = (bytes: Uint8Array, options: JoinerPlace): JoinerMemory =>
  readFrame(bytes, format, (frame) => memoryOf(frame, options));

interface JoinerPlace {
  readonly subject: string;
  readonly own: Served;
  readonly shelf: LessonShelf;
  readonly lists: ListShelf;
}

function memoryOf(frame: Frame, { subject, own, shelf, lists }: JoinerPlace): JoinerMemory {
  const header = frame.header as Partial<Header> | null;
  if (header?.subject !== subject) {
    throw new WatchnextError('checkpoint_damaged', 'What was joined so far was joined for other labels or tasks.', {
      problems: [{ path: 'labels', message: 'the definition has changed', hint: 'start anew from a sealed version' }],
    });
  }
  const texts = header.shown ?? [];
  const [watermark = Number.NEGATIVE_INFINITY] = frame.next('f64', 1);
  const sequences = [...frame.next('f64')];
  const numbers = frame.next('f64', texts.length * width);
  const labels = parts(frame.next('f32'));
  const positions = parts(frame.next('i32'));
  const served = parts(frame.next('f32'));
  const feedbackTimes = parts(frame.next('f64'));
  const features = unpackBytes(frame, texts.filter((list) => list.length > 4).length);
  const tasks = labels.length / texts.reduce((rows, [, items]) => rows + items.length, 0);
  const slab = new Slab();
  const keep = (values: Float32Array): Pick<Shown, 'labels' | 'labelsAt'> => {
    const labelsAt = slab.take(values.byteLength) / 4;
    slab.piece.floats.set(values, labelsAt);
    return { labels: slab.piece.floats, labelsAt };
  };
  let lessons = 0;
  const shown = texts.map(([requestId, items, seen, fields, version, arms, ranker, fingerprint], i): Shown => {
    const [partition = 0, from = 0, time = 0, at = 0, rows = 0, matured = 0, times = 0] = numbers.subarray(i * width);
    const values = labels.next(rows * tasks || 0);
    return {
      partition,
      from,
      time,
      at,
      requestId,
      list: lists.keep(items, fields === 0 ? undefined : fields),
      // Without feedback they are as they began.
      ...(seen === 0 ? unlabelled : keep(values)),
      seen: seen === 0 ? undefined : new EventIds(seen),
      matured: matured === 1,
      lesson:
        version === undefined
          ? undefined
          : shelf.restore(
              {
                ranker: ranker ?? own.ranker,
                fingerprint: fingerprint ?? own.fingerprint,
                version,
                arms: arms ?? {},
                positions: positions.next(rows),
                served: served.next(rows * tasks),
                features: features[lessons++] ?? new Uint8Array(0),
              },
              [...feedbackTimes.next(times)],
            ),
    };
  });
  const held = unpackEvents(frame);
  return { watermark, sequences, counters: { ...noCounts(), ...header.counters }, shown, held };
}
