import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import {
  createFeatureReader,
  createFeatureState,
  encodeFeatureBatch,
  restoreFeatureState,
} from '../../src/features/index.js';
import { everyKind, simulateLog } from '../features/world.js';

/** Artefacts and checkpoints hold these bytes: if this test fails, the format needs a new version and a reader of the old ones. */
const golden = (name: string): Buffer => gunzipSync(readFileSync(new URL(`./${name}.bin.gz`, import.meta.url)));
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const log = simulateLog(120, 11);
const half = 80;

describe.each([
  {
    delay: '0s',
    before: 'd9520f6f11398dfd6cb50901eecd3a4d9c623b713bfbc67cf023d0825ee7b5e4',
    readings: '4a190e3e069da6278e0e9735a9f17fced101724952836e2f0a6bf1c6615e97e3',
  },
  {
    delay: '1d',
    before: 'b00ae3d53d77bad8d6a47c1ab67f847255abfa8350e664946f6bc9e1ba2630d5',
    readings: '66846ae3c6d55011e0d67f71607c437e40e7ad392a462183279182dd6f1f029d',
  },
])('feature state with a feedback delay of $delay in the middle of a log', ({ delay, before, readings }) => {
  const definition = everyKind(delay);
  const played = (): Uint8Array => {
    const state = createFeatureState(definition);
    const reader = createFeatureReader({ definition, state });
    for (const { input, outcomes } of log.slice(0, half)) {
      reader.read([input]);
      state.observe(outcomes);
    }
    return state.snapshot();
  };
  /** What is read of the rest of the log by a state that goes on from these bytes. */
  const goneOn = (bytes: Uint8Array): string => {
    const state = restoreFeatureState(definition, bytes);
    const reader = createFeatureReader({ definition, state });
    const rest = log.slice(half);
    const read = reader.read(
      rest.map(({ input }) => input),
      (i) => state.observe(rest[i]!.outcomes),
    );
    return sha256(encodeFeatureBatch(read));
  };

  test('is these bytes, and goes on to read what it always read', () => {
    const bytes = played();
    expect(golden(`feature-state-v2-${delay}`).equals(bytes)).toBe(true);
    expect(goneOn(bytes)).toBe(readings);
  });

  test('is read from version 1, with the outcomes that waited', () => {
    const old = golden(`feature-state-v1-${delay}`);
    expect(sha256(old)).toBe(before);
    expect(Buffer.compare(restoreFeatureState(definition, old).snapshot(), played())).toBe(0);
    expect(goneOn(old)).toBe(readings);
  });
});
