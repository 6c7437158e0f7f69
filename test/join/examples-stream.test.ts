import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WatchnextError } from '../../src/errors.js';
import { decodeDeadLetter, type DeadLetter, type LoggedEvent, type LogRecord } from '../../src/events/index.js';
import { decodeJoined, encodeJoined, openExamplesStream, openJoinedStream, runJoin } from '../../src/join/index.js';
import { memoryLog, type MemoryLog } from './memory-log.js';
import { generator } from '../features/world.js';
import { heard, hour, marker, minuteMs, ranker, readAll, shown, start } from './world.js';

const definition = ranker({ click: { wait: '3m', late: 'supplement' }, watch: { wait: '5m', take: 'sum' } });

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'watchnext-join-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function logged(events: readonly LoggedEvent[], partitions = 3): Promise<MemoryLog> {
  const log = memoryLog(partitions);
  await log.log([...events, marker(start + 120 * minuteMs)]);
  return log;
}

interface Told {
  readonly partitions?: readonly number[];
  readonly most?: number;
  readonly checkpointMs?: number;
  readonly stopWhen?: (rounds: number) => boolean;
  readonly onTrouble?: (error: WatchnextError) => void;
}

/** Joins until nothing is left, or until it is told to stop; read in small pieces. */
async function joinAll(log: MemoryLog, { partitions, most = 50, checkpointMs = 0, stopWhen, onTrouble }: Told = {}) {
  const controller = new AbortController();
  let rounds = 0;
  const small: MemoryLog = {
    ...log,
    async reader(topic, options) {
      const reader = await log.reader(topic, options);
      return {
        ...reader,
        async next(how) {
          const read = await reader.next({ ...how, most });
          rounds++;
          if (read.length === 0 || stopWhen?.(rounds) === true) controller.abort();
          return read;
        },
      };
    },
  };
  return runJoin({
    log: small,
    definition,
    directory,
    checkpointMs,
    signal: controller.signal,
    ...(partitions && { partitions }),
    ...(onTrouble && { onTrouble }),
  });
}

describe('what a joiner writes', () => {
  test('is read as the same sequence that joining the events at once gives', async () => {
    const log = await logged(hour(definition, { seed: 21 }));
    const { records, watermark } = await joinAll(log);
    expect(records).toBe(log.records('events').flat().length);
    expect(watermark).toBe(start + 120 * minuteMs - 2000);
    const at = await readAll(await openJoinedStream({ log, definition }));
    expect(await readAll(await openExamplesStream({ log, definition }))).toEqual(at);
    expect(at.examples.length).toBeGreaterThan(60);
  });

  test('can be spread over several joiners, each with partitions of its own', async () => {
    const log = await logged(hour(definition, { seed: 22 }));
    await joinAll(log, { partitions: [2, 0] });
    await joinAll(log, { partitions: [1], most: 7 });
    expect(await readAll(await openExamplesStream({ log, definition }), 3, 100)).toEqual(
      await readAll(await openJoinedStream({ log, definition })),
    );
  });

  test('is counted once however often the joiner is killed before it noted down what it had written', async () => {
    const log = await logged(hour(definition, { seed: 23 }));
    const random = generator(9);
    // Nothing is noted down but at the end: a kill between two checkpoints. Then the folder is put back.
    for (let kill = 0; kill < 4; kill++) {
      const kept = await mkdtemp(join(tmpdir(), 'watchnext-kept-'));
      const original = directory;
      await cp(original, kept, { recursive: true });
      await joinAll(log, { most: 5 + Math.floor(random() * 20), stopWhen: (rounds) => rounds > 4 + 2 * kill });
      if (kill % 2 === 0) {
        await rm(original, { recursive: true });
        await cp(kept, original, { recursive: true });
      }
      await rm(kept, { recursive: true });
    }
    await joinAll(log, { most: 11 });
    const whole = await readAll(await openJoinedStream({ log, definition }));
    expect(await readAll(await openExamplesStream({ log, definition }))).toEqual(whole);
    const written = log
      .records('examples')
      .flat()
      .flatMap(({ value }) => decodeJoined(value).examples);
    expect(written.length).toBeGreaterThan(whole.examples.length);
  });

  test('has letters of what cannot be used in the dead letters, in the partition it came from', async () => {
    const log = await logged([shown({ of: definition }), heard({ what: 'click', itemId: 'z' })]);
    await joinAll(log);
    const letters = log
      .records('dead-letters')
      .flat()
      .map(({ value }) => decodeDeadLetter(value));
    expect(letters.map(({ reason }) => reason)).toEqual(['item z was not in the list of request r1']);
  });

  test('goes on from the checkpoint before when the newest is damaged, and says so', async () => {
    const log = await logged(hour(definition, { seed: 24 }), 1);
    await joinAll(log, { stopWhen: (rounds) => rounds > 3 });
    const folder = join(directory, '0');
    const names = (await readdir(folder)).sort();
    expect(names).toHaveLength(2);
    await writeFile(join(folder, names[1]!), 'not a checkpoint');
    const told: WatchnextError[] = [];
    await joinAll(log, { onTrouble: (error) => told.push(error) });
    expect(told.map(({ code }) => code)).toEqual(['checkpoint_damaged']);
    expect(await readAll(await openExamplesStream({ log, definition }))).toEqual(
      await readAll(await openJoinedStream({ log, definition })),
    );
    for (const name of await readdir(folder)) await writeFile(join(folder, name), 'nor this');
    await expect(joinAll(log)).rejects.toMatchObject({ code: 'checkpoint_damaged' });
  });

  test('waits for a log that is away, and is complete when it is back', async () => {
    const log = await logged(hour(definition, { seed: 25 }), 2);
    let failures = 1;
    const flaky: MemoryLog = {
      ...log,
      append: (topic, records) =>
        topic === 'examples' && failures-- > 0
          ? Promise.reject(new WatchnextError('log_unavailable', 'away'))
          : log.append(topic, records),
    };
    const told: string[] = [];
    await joinAll(flaky, { onTrouble: ({ message }) => told.push(message) });
    expect(told).toEqual(['away']);
    expect(await readAll(await openExamplesStream({ log, definition }))).toEqual(
      await readAll(await openJoinedStream({ log, definition })),
    );
  });

  test('cannot note down into a folder that is none: it stops and says what to do', async () => {
    const log = await logged([]);
    await writeFile(join(directory, '0'), 'a file');
    await expect(joinAll(log)).rejects.toMatchObject({ code: 'learning_stopped' });
  });
});

describe('the stream of examples', () => {
  test('goes on from a snapshot taken anywhere', async () => {
    const log = await logged(hour(definition, { seed: 26 }));
    await joinAll(log, { most: 12 });
    const whole = await readAll(await openExamplesStream({ log, definition }));
    let stream = await openExamplesStream({ log, definition });
    const all: unknown[][] = [[], []];
    for (let i = 0; i < 200; i++) {
      const { outcomes, examples } = await stream.next({ most: 4 + (i % 3), waitMs: 0 });
      all[0]!.push(...outcomes);
      all[1]!.push(...examples);
      if (i % 3 === 0) stream = await openExamplesStream({ log, definition, snapshot: stream.snapshot() });
    }
    expect(all[0]).toEqual(whole.outcomes);
    expect(all[1]).toEqual(whole.examples);
  });

  test('has a position in the events, from which every later outcome is found again', async () => {
    const log = await logged(hour(definition, { seed: 27, lists: 90 }));
    await joinAll(log, { most: 20 });
    const stream = await openExamplesStream({ log, definition });
    const { outcomes } = await readAll(await openJoinedStream({ log, definition }));
    let said = 0;
    let skipped = 0;
    for (let i = 0; i < 30; i++) {
      said += (await stream.next({ most: 2, waitMs: 0 })).outcomes.length;
      const { watermark, offsets } = stream.position();
      const later = await readAll(await openJoinedStream({ log, definition, from: offsets, examples: false }));
      expect(later.outcomes.filter(({ time }) => time >= watermark)).toEqual(outcomes.slice(said));
      skipped = Math.max(skipped, ...offsets);
    }
    expect(skipped).toBeGreaterThan(20);
  });

  test('passes over what other rankers’ joiners wrote', async () => {
    const log = await logged(hour(definition, { seed: 28, lists: 10 }), 1);
    await joinAll(log);
    const [first] = log.records('examples')[0]!;
    const foreign = encodeJoined({ ...decodeJoined(first!.value), ranker: 'songs' });
    await log.append('examples', [{ partition: 0, time: 0, value: foreign }]);
    expect(await readAll(await openExamplesStream({ log, definition }))).toEqual(
      await readAll(await openJoinedStream({ log, definition })),
    );
  });

  test('refuses to follow a joiner that was started anew over another log', async () => {
    const log = await logged(hour(definition, { seed: 29, lists: 10 }), 1);
    await joinAll(log);
    const whole = await readAll(await openExamplesStream({ log, definition }));
    const example = { ...whole.examples[0]!, matured: start + 500 * minuteMs };
    const entry = { ranker: 'films', partition: 0, from: 0, firstOutcome: 0, outcomes: [], examples: [example] };
    const value = encodeJoined({ ...entry, watermark: start + 600 * minuteMs });
    await log.append('examples', [{ partition: 0, time: 0, value }]);
    await expect(readAll(await openExamplesStream({ log, definition }))).rejects.toMatchObject({ code: 'log_damaged' });
  });

  test('tells of a record that cannot be read, and goes on after it', async () => {
    const log = await logged(hour(definition, { seed: 30, lists: 30 }), 1);
    await joinAll(log, { most: 8 });
    const lane = log.records('examples')[0]! as LogRecord[];
    const lost = decodeJoined(lane[5]!.value);
    lane[5] = { ...lane[5]!, value: Uint8Array.of(1) };
    const letters: DeadLetter[] = [];
    const onDeadLetter = (letter: DeadLetter): void => void letters.push(letter);
    const read = await readAll(await openExamplesStream({ log, definition, onDeadLetter }));
    const { examples } = await readAll(await openJoinedStream({ log, definition }));
    expect(letters.map(({ topic, offset }) => [topic, offset])).toEqual([['examples', 5]]);
    const gone = new Set(lost.examples.map(({ sequence }) => sequence));
    expect(read.examples).toEqual(examples.filter(({ sequence }) => !gone.has(sequence)));
  });
});
