import { describe, expect, test } from '@jest/globals';
import {
  createFeatureCounters,
  createFeatureReader,
  createFeatureState,
  encodeFeatureBatch,
  Known,
  type Candidate,
  type Fields,
  type RankingInput,
} from '../../src/features/index.js';
import { outcome, ranker, start } from './platform.js';
import { everyKind, simulateLog } from './world.js';

const seed = 11;

const knownOf = (fields: Fields): Known => new Known({ read: () => ({ ...fields }) });

/** The same input, every second candidate of it known not to change. */
const withKnown = (input: RankingInput, every = 2): RankingInput<Candidate> => ({
  ...input,
  candidates: input.candidates.map((fields, at) => (at % every === 0 ? knownOf(fields) : fields)),
});

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
    const candidates = [knownOf({ item_id: 'a', length: 3, tags: '1 2 3' })];
    const input = { time: 0, user: {}, context: {}, candidates };
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

  test('are read as any others where a key or an age is missing, no text, or elsewhere too', () => {
    const definition = ranker({
      features: {
        age: { kind: 'time', scope: 'candidate', unit: 'age', from: 'made' },
        shown: { kind: 'count', scope: 'candidate', key: 'place' },
        both: { kind: 'count', scope: 'candidate', key: ['place', 'made'] },
      },
    });
    const counters = [createFeatureCounters(definition), createFeatureCounters(definition)];
    const state = createFeatureState(definition);
    for (const place of ['here', 'there'])
      for (const made of ['2026-01-01', 'sometime', 7, true])
        state.observe([outcome(start - 1000, { click: 1 }, { candidate: { place, made } })]);
    const [plain, kept] = counters.map((each) => createFeatureReader({ definition, state, counters: each }));
    const values = [undefined, null, '', ' ', ['here'], true, 'here', 7, '2026-01-01', 'sometime', Number.NaN];
    const candidates = values.flatMap((place) => values.map((made): Fields => ({ item_id: 'a', place, made })));
    for (const context of [{}, { place: 'there' }, { place: 'there', made: 'sometime' }]) {
      const input = { time: start, user: {}, context, candidates };
      const expected = encodeFeatureBatch(plain!.read([input]));
      const known = withKnown(input, 1);
      for (let time = 0; time < 2; time++)
        expect(Buffer.from(encodeFeatureBatch(kept!.read([known]))).equals(expected)).toBe(true);
      plain!.read([input]);
    }
    expect(counters[1]).toEqual(counters[0]);
    expect(counters[0]!.get('age')!.unknown).toBeGreaterThan(0);
  });

  test('are let go when something was made of them, and are the same when they are wanted again', () => {
    let reads = 0;
    const read = () => ({ length: 3, times: ++reads });
    const known = new Known({ read });
    const { fields } = known;
    expect([known.fields === fields, reads]).toEqual([true, 1]);
    const seen = [1, 2].map((each) => known.keep(`made ${each}`, (given) => given['times']));
    expect([seen, reads]).toEqual([[1, 1], 1]); // one after the other: of what was read once
    const others = Array.from({ length: 2000 }, () => new Known({ read: () => ({}) }));
    for (const other of others) other.keep('made', () => 0);
    expect([known.keep('made 1', () => 0), reads]).toEqual([1, 1]);
    expect([known.fields['times'], known.fields['times'], reads]).toEqual([2, 2, 2]);
  });

  test('cannot be changed by whoever gave them', () => {
    const fields = { length: 3 };
    const known = new Known({ read: () => fields }, fields);
    expect(() => Object.assign(fields, { length: 4 })).toThrow();
    expect(() => Object.assign(knownOf(fields).fields, { length: 4 })).toThrow();
    let made = 0;
    const make = () => ++made;
    expect([known.keep('x', make), known.keep('y', make), known.keep('x', make)]).toEqual([1, 2, 1]);
  });
});
