import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { ModelDelta } from '../../src/artifact/index.js';
import { decodeDelta, encodeDelta } from '../../src/artifact/delta.js';
import { tinyModel } from '../artifact/model.js';

const golden = readFileSync(new URL('./delta-v1.bin', import.meta.url));

const changes = {
  keys: Uint32Array.of(1, 2, 3, 0xffffffff),
  values: Float32Array.of(0.5, -0.25, 3, 1e-3, 0, 7),
  removed: Uint32Array.of(9, 8),
};
const delta: ModelDelta = {
  ranker: 'tiny',
  base: '20260430T235959Z-ab12cd',
  sequence: 17,
  previous: '0123456789abcdef'.repeat(4),
  createdMs: 1_777_593_600_000,
  graph: Buffer.from('ONNX'),
  tables: new Map([['item_id', changes]]),
  golden: tinyModel().golden,
  learned: { until: 1_777_593_599_500, rows: 2048, feedbackTimes: Float64Array.of(1_777_593_590_000, 0.5) },
};

describe('the file of a delta', () => {
  test('has the golden bytes of format version 1', () => {
    expect(Buffer.from(encodeDelta(delta)).toString('hex')).toBe(golden.toString('hex'));
  });

  test('is read from them', () => {
    const { delta: read, hash } = decodeDelta(golden, 'delta-v1.bin');
    expect({ ...read, graph: undefined }).toEqual({ ...delta, graph: undefined });
    expect(Buffer.from(read.graph!).toString()).toBe('ONNX');
    expect(hash).toBe(golden.subarray(-32).toString('hex'));
  });

  test('of a later version is refused as such', () => {
    const later = Uint8Array.from(golden, (byte, at) => (at === 8 ? 2 : byte));
    expect(() => decodeDelta(later, 'delta')).toThrow('its format is version 2; this program reads version 1');
  });
});
