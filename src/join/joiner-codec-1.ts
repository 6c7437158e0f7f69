import type { EventId } from '../events/index.js';
import type { Frame } from '../features/index.js';
import { EventIds } from './event-ids.js';
import type { JoinerPlace } from './joiner-codec.js';
import type { ListFields } from './kept-list.js';
import { parts, unpackBytes, unpackEvents } from './packing.js';
import type { Shown } from './shown.js';
import { Slab } from './slab.js';
import type { MergedEvent } from './types.js';

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

/** partition, from, time, at, rows, matured, feedback times. */
const width = 7;

const unlabelled = { labels: undefined, labelsAt: 0 };

/**
 * What joiners wrote until version 2: one frame, whose header holds ids and fields of every list as JSON. Its watermark and
 * sequences are read already.
 */
export function readVersion1(
  frame: Frame,
  { own, shelf, lists }: JoinerPlace,
): { readonly shown: readonly Shown[]; readonly held: readonly MergedEvent[] } {
  const { shown: texts = [] } = frame.header as { readonly shown?: readonly Texts[] };
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
  return { shown, held: unpackEvents(frame) };
}
