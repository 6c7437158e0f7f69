import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { decodeEvent, encodeEvent } from '../../src/events/index.js';
import { createJoiner, createMerge, restoreJoiner } from '../../src/join/index.js';
import { hour, ranker } from '../join/world.js';

/** Checkpoints hold these bytes: if this test fails, the format needs a new version and a reader of the old one. */
test.each([
  ['to learn from', true, 'bd258bf9900a9904564001a99e9309f301576da7cf7086beed43daa6e96602de'],
  ['for state alone', false, '0a62bfbb0e66f9532da469c562b04be3bc34c2bf32c21a55f728fbb391ea34b6'],
])('a joiner %s in the middle of an hour is these bytes, and again when it was restored', (_, examples, digest) => {
  const definition = ranker({ click: { wait: '10m' }, watch: { wait: '20m', late: 'supplement' } });
  const joiner = createJoiner(definition, { examples });
  const merge = createMerge({ partitions: [0], outOfOrderMs: 5000, onBad: () => undefined });
  const events = hour(definition, { lists: 200 });
  const values = events.slice(0, 500).map(encodeEvent);
  merge.push(values.map((value, offset) => ({ partition: 0, offset, time: decodeEvent(value).time, value })));
  merge.release((event) => joiner.take(event));
  joiner.advance(merge.watermark);
  const bytes = joiner.snapshot();
  expect(joiner.sizes.impressions).toBeGreaterThan(30);
  expect(joiner.counters.duplicateFeedback).toBeGreaterThan(0);
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(digest);
  expect(Buffer.compare(restoreJoiner(definition, { examples }, bytes).snapshot(), bytes)).toBe(0);
});
