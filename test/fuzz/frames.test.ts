import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { encodeEvent } from '../../src/events/index.js';
import {
  checksum,
  createFeatureState,
  decodeFeatureBatch,
  encodeFeatureBatch,
  encodeFrame,
  restoreFeatureState,
} from '../../src/features/index.js';
import {
  createJoiner,
  createMerge,
  decodeJoined,
  encodeJoined,
  restoreJoiner,
  restoreMerge,
  type Snapshot,
} from '../../src/join/index.js';
import { impression } from '../events/events.js';
import { dayMs } from '../features/platform.js';
import { everyKind, simulateLog } from '../features/world.js';
import { bytesOf, framesIn, heard, marker, ranker, shown, start } from '../join/world.js';
import { fuzzReader, type FuzzOptions } from './damage.js';

const seed = 6;

/** The length and the checksum of a frame as they must be for these bytes: then the parsers behind them have to cope. */
const resealed = (bytes: Buffer): Buffer => {
  const whole = Buffer.from(bytes.subarray(0, bytes.length - (bytes.length % 8)));
  if (whole.length < 24) return whole;
  whole.writeUInt32LE(whole.length, 12);
  whole.writeUInt32LE(checksum(new Uint32Array(new Uint8Array(whole).buffer), 3), 8);
  return whole;
};

const fuzzFrame = (of: Uint8Array, read: FuzzOptions['read'], codes: FuzzOptions['codes']): void => {
  expect(fuzzReader({ of, read, seed, runs: 100, codes }).refused).toBeGreaterThan(90);
  const { refused } = fuzzReader({ of, read, seed, runs: 700, codes, reseal: resealed });
  expect(refused).toBeGreaterThan(70);
};

/** A list that was shown and clicked on, and another one's click that came first. */
const records = [
  shown({ of: ranker() }),
  heard({ what: 'click', time: start + 10 }),
  heard({ what: 'click', requestId: 'r2', time: start + 20 }),
  shown({ of: ranker(), requestId: 'r3', time: start + 30 }),
  marker(start + 40),
].map((event, offset) => ({ event, value: encodeEvent(event), time: event.time, partition: 0, offset, from: offset }));

describe('what is damaged is refused or read, with a checksum that fits too:', () => {
  test('features', () =>
    fuzzFrame(encodeFeatureBatch(impression().features), decodeFeatureBatch, ['artifact_damaged']));

  test('feature state, also when it goes on', () => {
    const definition = everyKind('1d');
    const state = createFeatureState(definition);
    for (const { input, outcomes } of simulateLog(12, 1)) {
      state.advance(input.time);
      state.observe(outcomes);
    }
    const goOn = (bytes: Buffer): void => restoreFeatureState(definition, bytes).advance(start + 30 * dayMs);
    fuzzFrame(state.snapshot(), goOn, ['artifact_damaged']);
  });

  test('a merge of partitions', () => {
    const options = { partitions: [0], outOfOrderMs: 100, onBad: () => undefined };
    const merge = createMerge(options);
    merge.push(records);
    const read = (bytes: Buffer): unknown => restoreMerge(options, bytes).snapshot();
    fuzzFrame(merge.snapshot(), read, ['artifact_damaged', 'checkpoint_damaged', 'event_invalid']);
  });

  describe('what a joiner knows:', () => {
    const codes = ['artifact_damaged', 'checkpoint_damaged', 'event_invalid'] as const;
    /** Read, and gone on with until everything is learned and forgotten. */
    const goOn = (snapshot: Snapshot): void => {
      const joiner = restoreJoiner(ranker(), { examples: true }, snapshot);
      expect(bytesOf(joiner.snapshot()).length).toBeGreaterThan(0);
      joiner.take(records[1]!);
      joiner.advance(start + 90 * dayMs);
    };
    const told = (...some: readonly number[]): Uint8Array[] => {
      const joiner = createJoiner(ranker(), { examples: true });
      for (const i of some) joiner.take(records[i]!);
      joiner.advance(start + 35);
      return [...joiner.snapshot()];
    };

    test.each([
      ['its head', told()],
      ['its lists', told(0, 1, 3)],
      ['feedback that waits', told(2)],
    ])('%s', (_, frames) => {
      const before = frames.slice(0, -1);
      expect(frames.length).toBeLessThanOrEqual(2);
      fuzzFrame(frames.at(-1)!, (bytes) => goOn([...before, bytes]), codes);
    });

    test('all of it as a file', () => {
      const file = bytesOf(told(0, 1, 2, 3));
      const { refused } = fuzzReader({ of: file, read: (bytes) => goOn(framesIn(bytes)), seed, runs: 300, codes });
      expect(refused).toBeGreaterThan(290);
    });

    test('in the format before', () => {
      const golden = readFileSync(new URL('../golden/joiner-v1-small.bin.gz', import.meta.url));
      fuzzFrame(gunzipSync(golden), (bytes) => goOn([bytes]), codes);
    });
  });

  test('joined entries', () => {
    const joiner = createJoiner(ranker(), { examples: true });
    for (const record of records) joiner.take(record);
    const joined = joiner.advance(start + 90 * dayMs);
    const [outcomes, examples] = [[...joined.outcomes], [...joined.examples]];
    expect([outcomes.length, examples.length].every((count) => count > 0)).toBe(true);
    const entry = { ranker: 'films', partition: 0, watermark: start, from: 0, firstOutcome: 0, outcomes, examples };
    fuzzFrame(encodeJoined(entry), decodeJoined, ['artifact_damaged']);
  });
});

describe('found before:', () => {
  test('a joined entry whose header lacks its lists', () => {
    const bytes = encodeFrame({ magic: 'WNJE', version: 1, what: 'joined entry' }, { ranker: 'films' }, [
      new Float64Array(3),
    ]);
    expect(() => decodeJoined(bytes)).toThrow('its parts are not as they should be');
  });

  test('feature state of an outcome at no time', () => {
    const definition = everyKind('1d');
    const state = createFeatureState(definition);
    state.observe(simulateLog(1, 1)[0]!.outcomes.map((outcome) => ({ ...outcome, time: start })));
    const bytes = Buffer.from(state.snapshot());
    bytes.writeDoubleLE(Number.NaN, bytes.indexOf(Buffer.from(Float64Array.of(start).buffer)));
    expect(() => restoreFeatureState(definition, resealed(bytes))).toThrow(/times of/);
  });
});
