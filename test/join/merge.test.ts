import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { WatchnextError } from '../../src/errors.js';
import { encodeEvent, type LoggedEvent, type LogRecord } from '../../src/events/index.js';
import { createMerge, restoreMerge, type Merge, type MergedEvent } from '../../src/join/index.js';
import { heard, marker, ranker, shown, start } from './world.js';

const definition = ranker();
const record = (partition: number, offset: number, event: LoggedEvent): LogRecord => ({
  partition,
  offset,
  time: event.time,
  value: encodeEvent(event),
});
const list = (time: number): LoggedEvent =>
  shown({ of: definition, time: start + time, requestId: `at ${time}`, rows: 1 });
const click = (time: number): LoggedEvent => heard({ what: 'click', time: start + time, eventId: `at ${time}` });

const mergeOf = (
  partitions: readonly number[],
  outOfOrderMs = 100,
): { merge: Merge; bad: [LogRecord, WatchnextError][] } => {
  const bad: [LogRecord, WatchnextError][] = [];
  const onBad = (one: LogRecord, error: WatchnextError): void => void bad.push([one, error]);
  return { merge: createMerge({ partitions, outOfOrderMs, onBad }), bad };
};

const released = (merge: Merge): MergedEvent[] => {
  const events: MergedEvent[] = [];
  merge.release((event) => events.push(event));
  return events;
};
const placed = (events: readonly MergedEvent[]): string[] =>
  events.map(({ time, partition, offset }) => `${time - start} ${partition}/${offset}`);

/** Partitions of impressions, feedback and markers in about the order of time, ended by a marker. */
const lanes = fc.array(fc.array(fc.tuple(fc.nat(400), fc.constantFrom('list', 'click', 'marker')), { maxLength: 12 }), {
  minLength: 1,
  maxLength: 3,
});
const recordsOf = (all: readonly (readonly (readonly [number, string])[])[]): LogRecord[][] =>
  all.map((lane, partition) => [
    ...lane.map(([jitter, kind], offset) => {
      const time = 100 * offset + jitter;
      return record(
        partition,
        offset,
        kind === 'list' ? list(time) : kind === 'click' ? click(time) : marker(start + time),
      );
    }),
    record(partition, lane.length, marker(start + 10_000)),
  ]);

describe('the order of merged events', () => {
  test('is a function of the log: however the reading of partitions interleaves', () => {
    fc.assert(
      fc.property(lanes, fc.infiniteStream(fc.nat(2)), fc.infiniteStream(fc.nat(3)), (all, choices, sizes) => {
        const records = recordsOf(all);
        const whole = mergeOf(records.map((_, i) => i)).merge;
        whole.push(records.flat());
        const { merge } = mergeOf(records.map((_, i) => i));
        const left = records.map((lane) => [...lane]);
        const events: MergedEvent[] = [];
        while (left.some((lane) => lane.length > 0)) {
          const open = left.filter((lane) => lane.length > 0);
          const lane = open[Number(choices.next().value) % open.length]!;
          merge.push(lane.splice(0, 1 + Number(sizes.next().value)));
          events.push(...released(merge));
        }
        expect(placed(events)).toEqual(placed(released(whole)));
        expect(events).toHaveLength(all.flat().filter(([, kind]) => kind !== 'marker').length);
      }),
      { seed: 11, numRuns: 200 },
    );
  });

  test('is by effective time, partition and offset', () => {
    fc.assert(
      fc.property(lanes, (all) => {
        const records = recordsOf(all);
        const { merge } = mergeOf(records.map((_, i) => i));
        merge.push(records.flat());
        const keys = released(merge).map(({ time, partition, offset }) => [time, partition, offset]);
        const sorted = [...keys].sort((a, b) => a[0]! - b[0]! || a[1]! - b[1]! || a[2]! - b[2]!);
        expect(keys).toEqual(sorted);
      }),
      { seed: 12, numRuns: 100 },
    );
  });

  test('can be found again from each event’s `from` on', () => {
    fc.assert(
      fc.property(lanes, fc.nat(50), (all, choice) => {
        const records = recordsOf(all);
        const { merge } = mergeOf(records.map((_, i) => i));
        merge.push(records.flat());
        const events = released(merge);
        const event = events[choice % Math.max(1, events.length)];
        if (event === undefined) return;
        const later = mergeOf(records.map((_, i) => i)).merge;
        later.push(records.flatMap((lane, i) => (i === event.partition ? lane.slice(event.from) : lane)));
        const same = (all: readonly MergedEvent[]): string[] =>
          placed(all.filter(({ partition, offset }) => partition === event.partition && offset >= event.offset));
        expect(same(released(later))).toEqual(same(events));
      }),
      { seed: 13, numRuns: 200 },
    );
  });
});

describe('the watermark', () => {
  test('is the earliest of all partitions: one that has said no time holds it back', () => {
    const { merge } = mergeOf([0, 1]);
    merge.push([record(0, 0, list(0)), record(0, 1, marker(start + 1000))]);
    expect(merge.watermark).toBe(Number.NEGATIVE_INFINITY);
    expect(released(merge)).toEqual([]);
    merge.push([record(1, 0, marker(start + 500))]);
    expect(merge.watermark).toBe(start + 400);
    expect(placed(released(merge))).toEqual(['0 0/0']);
  });

  test('places what comes later than it at itself', () => {
    const { merge } = mergeOf([0]);
    merge.push([record(0, 0, list(1000)), record(0, 1, list(200)), record(0, 2, list(950)), record(0, 3, list(5000))]);
    expect(placed(released(merge))).toEqual(['900 0/1', '950 0/2', '1000 0/0']);
  });

  test('is not moved by feedback, whose times come from outside', () => {
    const { merge } = mergeOf([0]);
    merge.push([
      record(0, 0, marker(start)),
      record(0, 1, click(50_000)),
      record(0, 2, list(10)),
      record(0, 3, marker(start + 200)),
    ]);
    expect(placed(released(merge))).toEqual(['10 0/2']);
    expect(merge.buffered.events).toBe(1);
  });

  test('does not wait for feedback dated days ahead: it is placed where it came', () => {
    const { merge } = mergeOf([0]);
    const days = 86_400_000;
    merge.push([
      record(0, 0, marker(start)),
      record(0, 1, click(days + 1)),
      record(0, 2, click(days)),
      record(0, 3, marker(start + 200)),
    ]);
    expect(placed(released(merge))).toEqual(['0 0/1']);
  });
});

test('what is no event is told and passed over', () => {
  const { merge, bad } = mergeOf([0]);
  const torn = encodeEvent(list(1)).subarray(0, 40);
  merge.push([
    { partition: 0, offset: 0, time: 5, value: torn },
    record(0, 1, list(2)),
    record(0, 2, marker(start + 1000)),
  ]);
  expect(placed(released(merge))).toEqual(['2 0/1']);
  expect(bad.map(([{ offset }, { code }]) => [offset, code])).toEqual([[0, 'event_invalid']]);
});

test('records that were read before are passed over', () => {
  const { merge } = mergeOf([0]);
  merge.push([record(0, 0, list(1)), record(0, 1, list(2))]);
  merge.push([record(0, 1, list(2)), record(0, 2, marker(start + 1000))]);
  expect(released(merge)).toHaveLength(2);
});

describe('a snapshot', () => {
  const half = (): Merge => {
    const { merge } = mergeOf([0, 1]);
    merge.push([record(0, 0, list(10)), record(0, 1, click(30)), record(1, 0, list(20)), record(0, 2, list(900))]);
    released(merge);
    return merge;
  };
  const options = { partitions: [0, 1], outOfOrderMs: 100, onBad: () => undefined };

  test('goes on where it was, and is the same bytes for the same past', () => {
    const [one, bytes] = [half(), half().snapshot()];
    expect(Buffer.compare(one.snapshot(), bytes)).toBe(0);
    const two = restoreMerge(options, bytes);
    expect(Buffer.compare(two.snapshot(), bytes)).toBe(0);
    expect(two.buffered).toEqual(one.buffered);
    const rest = [record(1, 1, list(500)), record(0, 3, list(1500)), record(1, 2, marker(start + 2000))];
    for (const merge of [one, two]) merge.push(rest);
    expect(released(two)).toEqual(released(one));
  });

  test('of other partitions is refused, so are damaged bytes', () => {
    const bytes = half().snapshot();
    expect(() => restoreMerge({ ...options, partitions: [0] }, bytes)).toThrow('partitions');
    bytes[bytes.length - 3]! ^= 1;
    expect(() => restoreMerge(options, bytes)).toThrow('checksum');
  });
});
