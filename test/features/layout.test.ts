import { describe, expect, test } from '@jest/globals';
import { WatchnextError } from '../../src/errors.js';
import {
  createEncoder,
  createFeatureReader,
  createFeatureState,
  createTransformFitter,
  embeddingLookups,
  inputLayout,
  type Encoder,
  type FeatureBatch,
} from '../../src/features/index.js';
import { countingTable, ranker, request } from './platform.js';
import { everyKind, simulateLog } from './world.js';

const world = (): { encoder: Encoder; batch: FeatureBatch } => {
  const definition = everyKind();
  const state = createFeatureState(definition);
  const log = simulateLog(50, 2);
  const batch = createFeatureReader({ definition, state }).read(
    log.map(({ input }) => input),
    (index) => state.observe(log[index]!.outcomes),
  );
  const fitter = createTransformFitter(definition);
  fitter.observe(batch);
  const tables = new Map(inputLayout(definition).tables.map(({ name, dim }) => [name, countingTable(dim)]));
  return { encoder: createEncoder({ definition, parameters: fitter.finish(), tables }), batch };
};

describe('the layout', () => {
  test('puts the request side first, each side in the order of the definition', () => {
    const layout = inputLayout(everyKind());
    expect(
      layout.slots.map(({ feature, side, offset, width, table }) => [feature, side, offset, width, table]),
    ).toEqual([
      ['user_id', 'request', 0, 4, 'user_id'],
      ['device', 'request', 4, 2, undefined],
      ['hour', 'request', 6, 24, undefined],
      ['watched', 'request', 30, 4, 'item'],
      ['shown', 'request', 34, 1, undefined],
      ['item', 'candidate', 0, 4, 'item'],
      ['genre', 'candidate', 4, 2, 'genre'],
      ['length', 'candidate', 6, 1, undefined],
      ['price', 'candidate', 7, 4, undefined],
      ['age', 'candidate', 11, 1, undefined],
      ['tags', 'candidate', 12, 3, 'tags'],
      ['look', 'candidate', 15, 3, undefined],
      ['item_rate', 'candidate', 18, 3, undefined],
      ['cross_rate', 'candidate', 21, 2, undefined],
    ]);
    expect([layout.requestWidth, layout.candidateWidth, layout.biasCells]).toEqual([35, 23, 6]);
  });

  test('lists each table once, with its admission and expiry', () => {
    const definition = ranker({
      features: {
        item: { kind: 'id', scope: 'candidate', dim: 8, min_count: 3, expire: '30d' },
        liked: { kind: 'ids', scope: 'user', shares: 'item' },
      },
    });
    expect(inputLayout(definition).tables).toEqual([{ name: 'item', dim: 8, minCount: 3, expireMs: 30 * 86_400_000 }]);
  });

  test('refuses to share a table that nobody owns, and an embedding without a width', () => {
    const features = { liked: { kind: 'ids', scope: 'user', shares: 'nothing' } } as const;
    expect(() => inputLayout(ranker({ features }))).toThrow(WatchnextError);
    expect(() => inputLayout(ranker({ features: { item: { kind: 'id', scope: 'user' } } }))).toThrow(/needs a dim/);
  });
});

describe('the encoder', () => {
  test('fills both matrices with finite numbers, dense columns standardised', () => {
    const { encoder, batch } = world();
    const inputs = encoder.encode(batch);
    expect([inputs.request.length, inputs.candidate.length]).toEqual([50 * 35, batch.rows * 23]);
    expect([...inputs.request, ...inputs.candidate].every((x) => Number.isFinite(x))).toBe(true);
    const length = Array.from({ length: batch.rows }, (_, row) => inputs.candidate[row * 23 + 6]!);
    expect(length.reduce((a, b) => a + b) / batch.rows).toBeCloseTo(0, 4);
  });

  test('encodes a request alone as it does among others', () => {
    const { encoder, batch } = world();
    const whole = encoder.encode(batch);
    const definition = everyKind();
    const state = createFeatureState(definition);
    const reader = createFeatureReader({ definition, state });
    let row = 0;
    simulateLog(50, 2).forEach(({ input, outcomes }, i) => {
      const alone = encoder.encode(reader.read([input]));
      state.observe(outcomes);
      expect([...alone.request]).toEqual([...whole.request.subarray(i * 35, (i + 1) * 35)]);
      const rows = input.candidates.length;
      expect([...alone.candidate]).toEqual([...whole.candidate.subarray(row * 23, (row + rows) * 23)]);
      row += rows;
    });
  });

  test('says which ids each embedded slot pools', () => {
    const { encoder, batch } = world();
    const lookups = embeddingLookups(encoder.layout, batch);
    expect(lookups.map(({ slot }) => [slot.feature, slot.table])).toEqual([
      ['user_id', 'user_id'],
      ['watched', 'item'],
      ['item', 'item'],
      ['genre', 'genre'],
      ['tags', 'tags'],
    ]);
    for (const { slot, offsets, keys } of lookups) {
      expect(offsets.length).toBe(1 + (slot.side === 'request' ? batch.requests : batch.rows));
      expect(keys.length).toBe(2 * offsets.at(-1)!);
    }
  });

  test('refuses parameters, tables and batches of another definition', () => {
    const { encoder, batch } = world();
    const definition = everyKind();
    const empty = { version: 1, features: {} } as const;
    expect(() => createEncoder({ definition, parameters: empty, tables: new Map() })).toThrow(WatchnextError);
    expect(() => encoder.encode({ ...batch, columns: new Map() })).toThrow(WatchnextError);
  });
});

describe('the cells of the bias tower', () => {
  const definition = everyKind();
  const batch = createFeatureReader({ definition, state: createFeatureState(definition) }).read([
    request({ context: { device: 'tv' }, candidates: [{}, {}, {}, {}] }),
    request({ context: { device: 'fridge' }, candidates: [{}] }),
  ]);

  test('cross position and device; later positions count as the last, anything missing is -1', () => {
    const { encoder } = world();
    expect([...encoder.biasCells(batch, Int32Array.of(1, 3, 4, 0, 1))]).toEqual([1, 5, 5, -1, -1]);
  });

  test('are none without a bias tower', () => {
    expect(inputLayout(ranker({ features: definition.features })).biasCells).toBe(0);
  });
});

test('what is fitted does not depend on how the data are cut into batches', () => {
  const definition = everyKind();
  const log = simulateLog(60, 6);
  const fit = (size: number): string => {
    const state = createFeatureState(definition);
    const reader = createFeatureReader({ definition, state });
    const fitter = createTransformFitter(definition);
    for (let i = 0; i < log.length; i += size) {
      const part = log.slice(i, i + size);
      fitter.observe(
        reader.read(
          part.map(({ input }) => input),
          (index) => state.observe(part[index]!.outcomes),
        ),
      );
    }
    return JSON.stringify(fitter.finish());
  };
  expect(fit(7)).toBe(fit(60));
});
