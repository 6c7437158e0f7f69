import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { WatchnextError } from '../../src/errors.js';
import {
  concatBatches,
  concatEncoded,
  createFeatureReader,
  createFeatureState,
  decodeFeatureBatch,
  encodeFeatureBatch,
  openFeatureBatch,
  requestStarts,
  selectRequests,
  type FeatureBatch,
} from '../../src/features/index.js';
import { request } from './platform.js';
import { everyKind, simulateLog } from './world.js';

const definition = everyKind();
const inputs = simulateLog(30, 11).map(({ input }) => input);
const readAll = (list: typeof inputs): FeatureBatch =>
  createFeatureReader({ definition, state: createFeatureState(definition) }).read(list);
const batch = readAll(inputs);

describe('whole requests', () => {
  test('are selected in any order, as if they had been read in it', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 29 }), { maxLength: 12 }), (chosen) => {
        const selected = selectRequests(batch, chosen);
        expect(selected).toEqual(readAll(chosen.map((i) => inputs[i]!)));
      }),
      { seed: 3, numRuns: 25 },
    );
  });

  test('are put one after the other, as if they had been read at once', () => {
    expect(concatBatches([readAll(inputs.slice(0, 10)), readAll([]), readAll(inputs.slice(10))])).toEqual(batch);
    expect(concatBatches([]).rows).toBe(0);
  });

  test('may be without candidates', () => {
    const gaps = readAll([request({ candidates: [] }), inputs[0]!, request({ candidates: [] }), inputs[1]!]);
    const rows = inputs[0]!.candidates.length;
    expect([...requestStarts(gaps)]).toEqual([0, 0, rows, rows, rows + inputs[1]!.candidates.length]);
    expect(selectRequests(gaps, [3, 0, 1])).toEqual(readAll([inputs[1]!, request({ candidates: [] }), inputs[0]!]));
  });

  test('of batches with other columns do not mix', () => {
    const other = { ...batch, columns: new Map([...batch.columns].filter(([name]) => name !== 'look')) };
    expect(() => concatBatches([batch, other])).toThrow(WatchnextError);
  });
});

describe('a batch as bytes', () => {
  const bytes = encodeFeatureBatch(batch);

  test('comes back as it was, also from an unaligned place', () => {
    expect(decodeFeatureBatch(bytes)).toEqual(batch);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(decodeFeatureBatch(shifted.subarray(3))).toEqual(batch);
    expect(decodeFeatureBatch(Buffer.from(shifted.buffer).subarray(3))).toEqual(batch);
    expect(decodeFeatureBatch(encodeFeatureBatch(readAll([])))).toEqual(readAll([]));
  });

  test('is viewed, not copied, where it is aligned', () => {
    expect(decodeFeatureBatch(bytes).requestOf.buffer).toBe(bytes.buffer);
  });

  test('is refused whole when any part of it is damaged, cut or extended', () => {
    const refused = (input: Uint8Array): void => expect(() => decodeFeatureBatch(input)).toThrow(WatchnextError);
    for (let i = 0; i < bytes.length; i += 61) {
      const damaged = bytes.slice();
      damaged[i]! ^= 1 << (i % 8);
      refused(damaged);
    }
    for (const length of [0, 7, 8, 24, 200, bytes.length - 8]) refused(bytes.subarray(0, length));
    const longer = new Uint8Array(bytes.length + 8);
    longer.set(bytes);
    refused(longer);
    refused(Uint8Array.from({ length: 4096 }, (_, i) => (i * 31) % 256));
  });

  test('whose parts do not fit together is refused although its checksum matches', () => {
    const refused = (change: Partial<FeatureBatch>): void =>
      expect(() => decodeFeatureBatch(encodeFeatureBatch({ ...batch, ...change }))).toThrow(/feature batch/);
    refused({ rows: batch.rows + 1 });
    refused({ requests: 3 });
    refused({ requestOf: batch.requestOf.slice().reverse() });
    const tags = batch.columns.get('tags')!;
    if (tags.type !== 'keys') throw new Error('tags are keys');
    refused({ columns: new Map([['tags', { ...tags, keys: tags.keys.subarray(2) }]]) });
    refused({ columns: new Map([['tags', { ...tags, offsets: tags.offsets.map((x) => -x) }]]) });
  });

  test('in which a column stands twice is refused with its name', () => {
    const tags = batch.columns.get('tags')!;
    const twice = { ...batch, columns: [['tags', tags] as const, ['tags', tags] as const] };
    const encoded = encodeFeatureBatch(twice as unknown as FeatureBatch);
    // Headers that were found to be fine are not looked at again: a damaged one is no such.
    for (let time = 0; time < 2; time++)
      expect(() => decodeFeatureBatch(encoded)).toThrow('column "tags" is in it twice');
  });
});

describe('batches still in their bytes', () => {
  const encoded = (...lists: (typeof inputs)[]) =>
    lists.map((list) => openFeatureBatch(encodeFeatureBatch(readAll(list))));

  test('say how large they are and what columns they have', () => {
    const [opened] = encoded(inputs);
    expect(opened).toMatchObject({ requests: batch.requests, rows: batch.rows });
    expect(opened!.columns.map(({ name }) => name)).toEqual([...batch.columns.keys()]);
    const look = opened!.columns.find(({ name }) => name === 'look');
    expect(look).toEqual({ name: 'look', side: 'candidate', width: 3 });
  });

  test('are put one after the other, as if they had been read at once, however they were cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: inputs.length }), { maxLength: 8 }), (cuts) => {
        const ends = [...cuts, inputs.length].sort((a, b) => a - b);
        const lists = ends.map((end, i) => inputs.slice(ends[i - 1] ?? 0, end));
        expect(concatEncoded(encoded(...lists))).toEqual(batch);
      }),
      { seed: 5, numRuns: 40 },
    );
    expect(concatEncoded([])).toEqual(concatBatches([]));
  });

  test('keep every bit of what is no number', () => {
    const odd = Float32Array.of(Number.NaN, -0, Infinity, 1e-45);
    new Uint32Array(odd.buffer)[0] = 0x7fc12345;
    const values: FeatureBatch = {
      requests: 1,
      rows: 4,
      requestOf: new Int32Array(4),
      columns: new Map([['odd', { side: 'candidate', type: 'numbers', width: 1, values: odd }]]),
    };
    const joined = concatEncoded([values, values].map((each) => openFeatureBatch(encodeFeatureBatch(each))));
    const column = joined.columns.get('odd')!;
    if (column.type !== 'numbers') throw new Error('they are numbers');
    const bits = [...new Uint32Array(odd.buffer)];
    expect([...new Uint32Array(column.values.buffer)]).toEqual([...bits, ...bits]);
  });

  test('with other columns do not mix', () => {
    const without = (left: string): FeatureBatch => ({
      ...batch,
      columns: new Map([...batch.columns].filter(([name]) => name !== left)),
    });
    const last = [...batch.columns.keys()].at(-1)!;
    for (const other of [without('look'), without(last)]) {
      const both = [batch, other].map((each) => openFeatureBatch(encodeFeatureBatch(each)));
      expect(() => concatEncoded(both)).toThrow(/differs between the batches/);
      expect(() => concatEncoded(both.reverse())).toThrow(/differs between the batches/);
    }
  });
});
