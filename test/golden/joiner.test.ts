import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { decodeEvent, encodeEvent, type LogRecord } from '../../src/events/index.js';
import { createJoiner, createMerge, createPipeline, restoreJoiner, type Joiner } from '../../src/join/index.js';
import { bytesOf, framesIn, hour, ranker, start } from '../join/world.js';

/** Checkpoints hold these bytes: if this test fails, the format needs a new version and a reader of the old ones. */
const golden = (name: string): Buffer => gunzipSync(readFileSync(new URL(`./${name}.bin.gz`, import.meta.url)));

const definition = ranker({ click: { wait: '10m' }, watch: { wait: '20m', late: 'supplement' } });
const values = hour(definition, { lists: 200 }).map(encodeEvent);
const records = values.map(
  (value, offset): LogRecord => ({ partition: 0, offset, time: decodeEvent(value).time, value }),
);
const half = 500;

const merged = (some: readonly LogRecord[], joiner: Joiner): ReturnType<typeof createMerge> => {
  const merge = createMerge({ partitions: [0], outOfOrderMs: 5000, onBad: () => undefined });
  merge.push(some);
  merge.release((event) => joiner.take(event));
  joiner.advance(merge.watermark);
  return merge;
};

describe.each([
  ['to learn from', 'examples', true, 'bd258bf9900a9904564001a99e9309f301576da7cf7086beed43daa6e96602de'],
  ['for state alone', 'state', false, '0a62bfbb0e66f9532da469c562b04be3bc34c2bf32c21a55f728fbb391ea34b6'],
])('a joiner %s in the middle of an hour', (_, name, examples, before) => {
  test('is these bytes, and again when it was restored', () => {
    const joiner = createJoiner(definition, { examples });
    merged(records.slice(0, half), joiner);
    const bytes = bytesOf(joiner.snapshot());
    expect(joiner.sizes.impressions).toBeGreaterThan(30);
    expect(joiner.counters.duplicateFeedback).toBeGreaterThan(0);
    expect(bytes.equals(golden(`joiner-v2-${name}`))).toBe(true);
    expect(bytesOf(restoreJoiner(definition, { examples }, framesIn(bytes)).snapshot()).equals(bytes)).toBe(true);
  });

  test('is read from version 1, and goes on the same', () => {
    const old = golden(`joiner-v1-${name}`);
    expect(createHash('sha256').update(old).digest('hex')).toBe(before);
    const whole = createJoiner(definition, { examples });
    const merge = merged(records.slice(0, half), whole);
    const restored = restoreJoiner(definition, { examples }, [old]);
    expect(restored.sizes).toEqual(whole.sizes);
    merge.push(records.slice(half));
    merge.release((event) => [whole, restored].forEach((joiner) => joiner.take(event)));
    const time = start + 10 * 3_600_000;
    const expected = whole.advance(time);
    expect(expected.outcomes.length).toBeGreaterThan(100);
    expect(restored.advance(time)).toEqual(expected);
    expect(restored.counters).toEqual(whole.counters);
  });
});

test('a joined stream of version 1 is gone on from', () => {
  const options = { definition, partitions: [0], examples: true, start: [0] };
  const whole = createPipeline(options);
  whole.take(records.slice(0, half));
  const restored = createPipeline({ ...options, snapshot: [golden('joined-stream-v1')] });
  expect(restored.position()).toEqual(whole.position());
  expect(restored.take(records.slice(half))).toEqual(whole.take(records.slice(half)));
});
