import { describe, expect, test } from '@jest/globals';
import { encodeEvent, type DeadLetter, type LoggedEvent } from '../../src/events/index.js';
import type { Outcome } from '../../src/features/index.js';
import { openJoinedStream, type JoinedExample } from '../../src/join/index.js';
import { memoryLog, type MemoryLog } from './memory-log.js';
import { generator } from '../features/world.js';
import { bytesOf, heard, hour, marker, minuteMs, ranker, readAll, shown, start } from './world.js';

const labels = {
  click: { wait: '3m', late: 'supplement' },
  watch: { wait: '5m', take: 'sum', late: 'ignore' },
} as const;
const definition = ranker(labels);

async function logged(events: readonly LoggedEvent[], partitions = 3): Promise<MemoryLog> {
  const log = memoryLog(partitions);
  await log.log([...events, marker(start + 120 * minuteMs)]);
  return log;
}

describe('the joined stream', () => {
  test('is the same in whatever pieces it is read', async () => {
    const log = await logged(hour(definition));
    const whole = await readAll(await openJoinedStream({ log, definition }), 1e6);
    expect(whole.examples.length).toBeGreaterThan(60);
    for (const most of [1, 7, 40]) {
      expect(await readAll(await openJoinedStream({ log, definition }), most, 400)).toEqual(whole);
    }
  });

  test('comes in order: examples by maturity, numbered one by one in their partition, never below the watermark', async () => {
    const stream = await openJoinedStream({ log: await logged(hour(definition)), definition });
    const numbers = new Map<number, number>();
    let [watermark, matured] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = 0; i < 60; i++) {
      const joined = await stream.next({ most: 9, waitMs: 0 });
      for (const example of joined.examples) {
        expect(example.matured).toBeGreaterThanOrEqual(Math.max(watermark, matured));
        expect(example.matured).toBeLessThan(joined.watermark);
        expect(example.sequence).toBe(numbers.get(example.partition) ?? 0);
        numbers.set(example.partition, example.sequence + 1);
        ({ matured } = example);
      }
      for (const { time } of joined.outcomes) expect(time).toBeGreaterThanOrEqual(watermark);
      ({ watermark } = joined);
    }
    expect(numbers.size).toBe(3);
  });

  test('goes on from a snapshot taken anywhere as if nothing had happened', async () => {
    const log = await logged(hour(definition, { seed: 4 }));
    const whole = await readAll(await openJoinedStream({ log, definition }));
    const random = generator(5);
    let stream = await openJoinedStream({ log, definition });
    const outcomes: Outcome[] = [];
    const examples: JoinedExample[] = [];
    for (let i = 0; i < 80; i++) {
      const joined = await stream.next({ most: 1 + Math.floor(random() * 12), waitMs: 0 });
      outcomes.push(...joined.outcomes);
      examples.push(...joined.examples);
      if (random() < 0.3) {
        const bytes = stream.snapshot();
        stream = await openJoinedStream({ log, definition, snapshot: bytes });
        expect(bytesOf(stream.snapshot()).equals(bytesOf(bytes))).toBe(true);
      }
    }
    expect(outcomes).toEqual(whole.outcomes);
    expect(examples).toEqual(whole.examples);
    const { counters } = stream.status();
    expect(counters.duplicateFeedback).toBeGreaterThan(0);
    expect(counters).toMatchObject({ examples: examples.length, outcomes: outcomes.length });
  });

  test('read from a position on gives every outcome from its watermark on', async () => {
    const log = await logged(hour(definition, { seed: 6, lists: 90 }));
    const stream = await openJoinedStream({ log, definition });
    const rest: { readonly position: ReturnType<typeof stream.position>; readonly said: number }[] = [];
    let said = 0;
    for (let i = 0; i < 60; i++) {
      said += (await stream.next({ most: 8, waitMs: 0 })).outcomes.length;
      rest.push({ position: stream.position(), said });
    }
    const { outcomes } = await readAll(await openJoinedStream({ log, definition }));
    let skipped = 0;
    for (const { position, said: covered } of rest) {
      const { watermark, offsets } = position;
      const later = await readAll(await openJoinedStream({ log, definition, from: offsets, examples: false }));
      expect(later.outcomes.filter(({ time }) => time >= watermark)).toEqual(outcomes.slice(covered));
      skipped = Math.max(skipped, ...offsets);
    }
    expect(skipped).toBeGreaterThan(20);
  });

  test('of one partition is that partition’s part of the whole, where requests lie in one partition', async () => {
    const events = hour(definition, { seed: 7 });
    const whole = await readAll(await openJoinedStream({ log: await logged(events, 1), definition }));
    const parts = await readAll(await openJoinedStream({ log: await logged(events, 4), definition }));
    const names = (all: readonly JoinedExample[]): string[] =>
      all.map(({ requestId, time }) => `${requestId} ${time}`).sort();
    expect(names(parts.examples)).toEqual(names(whole.examples));
  });

  test('waits for a partition that says no time, and then hands out everything', async () => {
    const log = memoryLog(2);
    await log.append('events', [{ partition: 0, time: start, value: encodeEvent(shown({ of: definition })) }]);
    const stream = await openJoinedStream({ log, definition });
    expect(await readAll(stream)).toEqual({ outcomes: [], examples: [], watermark: Number.NEGATIVE_INFINITY });
    await log.log([marker(start + 60 * minuteMs)]);
    expect((await readAll(stream)).examples).toHaveLength(1);
  });

  test('reads only partitions that all others wait for while much waits, so memory stays bounded', async () => {
    const log = memoryLog(2);
    const put = (partition: number, event: LoggedEvent): Promise<void> =>
      log.append('events', [{ partition, time: event.time, value: encodeEvent(event) }]);
    for (let i = 0; i < 300; i++) await put(0, shown({ of: definition, requestId: `r${i}`, time: start + i }));
    const bytes = encodeEvent(shown({ of: definition })).length;
    const stream = await openJoinedStream({ log, definition, mostBufferedBytes: 20 * bytes });
    for (let i = 0; i < 100; i++) await stream.next({ most: 10, waitMs: 0 });
    expect(stream.status().buffered.events).toBeLessThanOrEqual(40);
    expect(stream.status().behind).toEqual([1]);
    for (let i = 0; i <= 300; i += 10) await put(1, marker(start + i + 5000));
    await put(0, marker(start + 60 * minuteMs));
    await put(1, marker(start + 60 * minuteMs));
    const all = await readAll(stream, 10, 50);
    expect(all.examples).toHaveLength(300);
    expect(log.opened).toContainEqual([1]);
  });
});

describe('dead letters', () => {
  const odd = [
    shown({ of: definition }),
    heard({ what: 'click', itemId: 'z', eventId: 'strange' }),
    heard({ what: 'click', requestId: 'never', eventId: 'orphan' }),
  ];

  test('come with what was joined: the reason, the place and the bytes as they were', async () => {
    const log = await logged(odd, 1);
    const torn = Uint8Array.of(1, 2, 3);
    await log.append('events', [{ partition: 0, time: 5, value: torn }]);
    const letters: DeadLetter[] = [];
    await readAll(await openJoinedStream({ log, definition, onDeadLetter: (letter) => void letters.push(letter) }));
    expect(letters.map(({ partition, offset, topic }) => ({ partition, offset, topic }))).toEqual(
      [4, 1, 2].map((offset) => ({ partition: 0, offset, topic: 'events' })),
    );
    expect(letters[0]!.value).toEqual(torn);
    expect(letters[1]!.value).toEqual(log.records('events')[0]![1]!.value);
    expect(letters.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('no event'),
      expect.stringContaining('item z'),
      expect.stringContaining('request never'),
    ]);
  });

  test('that cannot be kept now are told again, and nothing that came with them is lost', async () => {
    const log = await logged(odd);
    let failures = 3;
    const letters: string[] = [];
    const stream = await openJoinedStream({
      log,
      definition,
      onDeadLetter: ({ reason }) => {
        if (failures-- > 0) throw new Error('away');
        letters.push(reason);
      },
    });
    const outcomes: Outcome[] = [];
    for (let i = 0; i < 8; i++) {
      const joined = await stream.next({ most: 100, waitMs: 0 }).catch(() => undefined);
      if (joined === undefined) expect(() => stream.snapshot()).toThrow('again');
      outcomes.push(...(joined?.outcomes ?? []));
    }
    expect(outcomes).toHaveLength(3);
    expect(new Set(letters).size).toBe(2);
  });
});

test('a snapshot of another log or of other labels is refused', async () => {
  const log = await logged(hour(definition, { lists: 5 }));
  const stream = await openJoinedStream({ log, definition });
  await stream.next({ most: 50, waitMs: 0 });
  const snapshot = stream.snapshot();
  await expect(openJoinedStream({ log: memoryLog(2), definition, snapshot })).rejects.toMatchObject({
    code: 'checkpoint_damaged',
  });
  const other = ranker({ ...labels, click: { wait: '4m' } });
  await expect(openJoinedStream({ log, definition: other, snapshot })).rejects.toMatchObject({
    code: 'checkpoint_damaged',
  });
  const frames = [...snapshot];
  frames.at(-1)![200]! ^= 4;
  await expect(openJoinedStream({ log, definition, snapshot: frames })).rejects.toMatchObject({
    code: 'artifact_damaged',
  });
});
