import { describe, expect, test } from '@jest/globals';
import {
  createFeatureCounters,
  createFeatureReader,
  createFeatureState,
  encodeFeatureBatch,
  Known,
  type RankingInput,
} from '../../src/features/index.js';
import { ranker } from './platform.js';
import { everyKind, simulateLog } from './world.js';

const seed = 11;

/** The same input, every second candidate of it known not to change. */
const withKnown = (input: RankingInput, every = 2): RankingInput => {
  const known = input.candidates.map((fields, at) => (at % every === 0 ? new Known({ ...fields }) : undefined));
  return { ...input, candidates: input.candidates.map((fields, at) => known[at]?.fields ?? fields), known };
};

describe('candidates whose fields never change', () => {
  test('are read as any others, the first time and again, with state, and what they lack is counted each time', () => {
    const definition = everyKind();
    const setup = () => {
      const counters = createFeatureCounters(definition);
      const state = createFeatureState(definition);
      return { counters, state, reader: createFeatureReader({ definition, state, counters }) };
    };
    const [plain, kept] = [setup(), setup()];
    let read = 0;
    for (const { input, outcomes } of simulateLog(200, seed)) {
      for (const each of [withKnown(input, 1), withKnown(input)]) {
        for (let time = 0; time < 2; time++) {
          const expected = encodeFeatureBatch(plain.reader.read([input]));
          expect(Buffer.from(encodeFeatureBatch(kept.reader.read([each]))).equals(expected)).toBe(true);
          read++;
        }
      }
      for (const { state } of [plain, kept]) state.observe(outcomes);
    }
    expect(read).toBe(800);
    expect(kept.counters).toEqual(plain.counters);
    expect(kept.counters.get('genre')!.missing).toBeGreaterThan(0);
  });

  test('are kept apart for rankers that read them in different ways', () => {
    const candidates = [{ item_id: 'a', length: 3, tags: '1 2 3' }];
    const known = [new Known(candidates[0]!)];
    const input = { time: 0, user: {}, context: {}, candidates, known };
    for (const last of [1, 3, 1]) {
      const definition = ranker({
        features: {
          length: { kind: 'number', scope: 'candidate' },
          tags: { kind: 'ids', scope: 'candidate', dim: 2, last },
        },
      });
      const { columns } = createFeatureReader({ definition, state: createFeatureState(definition) }).read([input]);
      expect(columns.get('length')).toMatchObject({ values: new Float32Array([3]) });
      expect(columns.get('tags')).toMatchObject({ offsets: new Int32Array([0, last]) });
    }
  });

  test('cannot be changed by whoever gave them', () => {
    const fields = { length: 3 };
    const known = new Known(fields);
    expect(() => Object.assign(fields, { length: 4 })).toThrow();
    let made = 0;
    const make = () => ++made;
    expect([known.keep('x', make), known.keep('y', make), known.keep('x', make)]).toEqual([1, 2, 1]);
  });
});
