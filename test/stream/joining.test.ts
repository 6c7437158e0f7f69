import { afterEach, describe, expect, test } from '@jest/globals';
import { encodeEvent, type DeadLetter } from '../../src/events/index.js';
import { outcomeDescriber, type DescribedOutcomes } from '../../src/features/index.js';
import { openJoinedStream, type JoinedExample, type JoinedStreamOptions } from '../../src/join/index.js';
import { openJoining, type LearningStream } from '../../training/stream/joining.js';
import { memoryLog, type MemoryLog } from '../join/memory-log.js';
import { generator } from '../features/world.js';
import { bytesOf, heard, hour, marker, minuteMs, ranker, readAll, shown, start } from '../join/world.js';

const definition = ranker({ click: { wait: '3m', late: 'supplement' }, watch: { wait: '5m', take: 'sum' } });

const opened: LearningStream[] = [];
const joining = async (options: Omit<JoinedStreamOptions, 'definition'>): Promise<LearningStream> => {
  const stream = await openJoining({ definition, ...options });
  opened.push(stream);
  return stream;
};
afterEach(async () => {
  for (const stream of opened.splice(0)) await stream.close();
});

async function logged(events = hour(definition)): Promise<MemoryLog> {
  const log = memoryLog(3);
  await log.log([...events, marker(start + 120 * minuteMs)]);
  return log;
}

interface Heard {
  readonly outcomes: DescribedOutcomes[];
  readonly examples: JoinedExample[];
}

/** Each outcome's time, and by feature what it changes. */
const changesOf = (parts: readonly DescribedOutcomes[]): unknown[] =>
  parts.flatMap(({ times, since, features }) =>
    Array.from(times, (time, i) => {
      const records = features.map(({ ends, records }) => {
        const width = records.length / Math.max(1, ends.at(-1) ?? 0);
        return [...records.subarray((ends[i - 1] ?? 0) * width, (ends[i] ?? 0) * width)];
      });
      return [time, since[i], records];
    }),
  );

const readOn = async (stream: LearningStream, to: Heard, most: number): Promise<boolean> => {
  const { outcomes, examples } = await stream.next({ most, waitMs: 0 });
  to.outcomes.push(outcomes);
  to.examples.push(...examples);
  return outcomes.times.length + examples.length > 0;
};

describe('joining in a thread', () => {
  test('gives what joining here gives, outcomes described, wherever it is gone on from', async () => {
    const log = await logged();
    const here = await openJoinedStream({ log, definition });
    const whole = await readAll(here);
    const expected = changesOf([outcomeDescriber(definition)(whole.outcomes)]);
    expect(expected.length).toBeGreaterThan(100);
    const random = generator(2);
    const found: Heard = { outcomes: [], examples: [] };
    let stream = await joining({ log });
    let quiet = 0;
    for (let call = 0; quiet < 40; call++) {
      quiet = (await readOn(stream, found, 1 + Math.floor(random() * 20))) ? 0 : quiet + 1;
      if ([3, 25].includes(call)) stream = await joining({ log, snapshot: await stream.snapshot() });
    }
    expect(changesOf(found.outcomes)).toEqual(expected);
    expect(found.examples).toEqual(whole.examples);
    expect(stream.position()).toEqual(here.position());
    expect(bytesOf(await stream.snapshot()).equals(bytesOf(here.snapshot()))).toBe(true);
  });

  test('goes on while a snapshot is written, which holds what was known when it was asked for', async () => {
    const log = await logged();
    const [here, stream] = [await openJoinedStream({ log, definition }), await joining({ log })];
    const steps = [40, 7, 30, 1000];
    const then: Buffer[] = [];
    const snapshots: Promise<Uint8Array[]>[] = [];
    for (const most of steps) {
      await here.next({ most, waitMs: 0 });
      await stream.next({ most, waitMs: 0 });
      then.push(bytesOf(here.snapshot()));
      snapshots.push(stream.snapshot());
    }
    const found = await Promise.all(snapshots);
    found.forEach((frames, i) => expect(bytesOf(frames).equals(then[i]!)).toBe(true));
  });

  test('tells of dead letters first, and hands out the same again when that failed', async () => {
    const orphan = heard({ what: 'click', requestId: 'never', time: start });
    const log = await logged([shown({ of: definition }), orphan, marker(start + 60 * minuteMs)]);
    const letters: DeadLetter[] = [];
    let failing = true;
    const stream = await joining({
      log,
      onDeadLetter: (letter) => {
        if (failing) throw new Error('the topic of dead letters is away');
        letters.push(letter);
      },
    });
    const next = (): ReturnType<LearningStream['next']> => stream.next({ most: 1000, waitMs: 0 });
    await expect(next()).rejects.toThrow('is away');
    expect(() => stream.snapshot()).toThrow('call it again');
    failing = false;
    expect((await next()).examples).toHaveLength(1);
    expect(letters.map(({ value }) => Buffer.from(value))).toEqual([Buffer.from(encodeEvent(orphan))]);
    expect(letters[0]!.reason).toContain('no impression of request never');
  });

  test('refuses a snapshot of other labels, and one that is damaged, in words', async () => {
    const log = await logged();
    const snapshot = await (await joining({ log })).snapshot();
    const other = ranker({ click: { wait: '9m' } });
    await expect(openJoining({ log, definition: other, snapshot })).rejects.toMatchObject({
      code: 'checkpoint_damaged',
    });
    const damaged = snapshot.map((frame) => frame.slice());
    damaged.at(-1)![100]! ^= 1;
    await expect(openJoining({ log, definition, snapshot: damaged })).rejects.toMatchObject({
      code: 'artifact_damaged',
    });
  });
});
