import { describe, expect, test } from '@jest/globals';
import type { FeatureDefinition } from '../../src/definition/index.js';
import {
  createEncoder,
  createFeatureCounters,
  createFeatureReader,
  createFeatureState,
  createTransformFitter,
  hashId,
  type Column,
  type FeatureCounter,
  type FeatureParameters,
  type Fields,
  type FieldValue,
} from '../../src/features/index.js';
import { countingTable, dayMs, ranker, request, start } from './platform.js';

interface Result {
  readonly column: Column;
  /** One array per candidate. */
  readonly encoded: number[][];
  readonly counter: FeatureCounter;
  readonly parameters: FeatureParameters;
}

/** Reads candidates with one feature `f`, fits on the same rows (or `fitOn`) and encodes. */
function through(
  feature: FeatureDefinition,
  candidates: readonly Fields[],
  options: { fitOn?: readonly Fields[]; time?: number } = {},
): Result {
  const definition = ranker({ features: { f: feature } });
  const counters = createFeatureCounters(definition);
  const state = createFeatureState(definition);
  const time = options.time ?? start;
  const batch = createFeatureReader({ definition, state, counters }).read([request({ time, candidates })]);
  const fitter = createTransformFitter(definition);
  const training = request({ time, candidates: options.fitOn ?? candidates });
  fitter.observe(createFeatureReader({ definition, state }).read([training]));
  const parameters = JSON.parse(JSON.stringify(fitter.finish())) as FeatureParameters;
  const encoder = createEncoder({ definition, parameters, tables: new Map([['f', countingTable(2)]]) });
  const width = encoder.layout.candidateWidth;
  const { candidate } = encoder.encode(batch);
  return {
    column: batch.columns.get('f')!,
    encoded: candidates.map((_, i) => [...candidate.subarray(i * width, (i + 1) * width)]),
    counter: counters.get('f')!,
    parameters,
  };
}
const values = (...list: FieldValue[]): Fields[] => list.map((value) => ({ f: value }));
const read = ({ column }: Result): number[] => (column.type === 'numbers' ? [...column.values] : []);
const bags = ({ column }: Result): string[][] =>
  column.type === 'keys'
    ? [...column.offsets.subarray(1)].map((end, i) =>
        Array.from({ length: end - column.offsets[i]! }, (_, j) => {
          const at = 2 * (column.offsets[i]! + j);
          return `${column.keys[at]},${column.keys[at + 1]}`;
        }),
      )
    : [];
const hashed = (...ids: (string | number)[]): string[] => ids.map((id) => hashId(id).join(','));
const none = { missing: 0, unknown: 0, outOfRange: 0 };

describe('id', () => {
  test('hashes numbers and texts alike; missing is an empty bag that encodes as zeros', () => {
    const result = through(
      { kind: 'id', scope: 'candidate', dim: 2 },
      values('7', 7, undefined, null, '', ['no', 'list']),
    );
    expect(bags(result)).toEqual([hashed(7), hashed(7), [], [], [], []]);
    expect(result.counter).toEqual({ ...none, missing: 3, unknown: 1 });
    expect(result.encoded[0]).toEqual([hashId(7)[1] % 7, 1]);
    expect(result.encoded[2]).toEqual([0, 0]);
  });

  test('reads the field that `from` names, and nothing that every object inherits', () => {
    const feature = { kind: 'id', scope: 'candidate', dim: 2, from: 'constructor' } as const;
    expect(bags(through(feature, [{}, JSON.parse('{"constructor": "x"}') as Fields]))).toEqual([[], hashed('x')]);
  });
});

describe('category', () => {
  test('with listed values is one-hot; they compare by text; missing and unlisted are zeros', () => {
    const result = through(
      { kind: 'category', scope: 'candidate', values: [1, 'two', true] },
      values('1', 1, 'two', 'true', true, '1.0', undefined, 'three'),
    );
    expect(result.encoded).toEqual([
      [1, 0, 0],
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
      [0, 0, 1],
      [0, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(result.counter).toEqual({ ...none, missing: 1, unknown: 2 });
  });

  test('with open values has a table of its own', () => {
    const result = through({ kind: 'category', scope: 'candidate', dim: 2 }, values('drama', true, null));
    expect(bags(result)).toEqual([hashed('drama'), hashed('true'), []]);
    expect(result.counter).toEqual({ ...none, missing: 1 });
  });
});

describe('number', () => {
  test('is standardised over the training rows; missing is the mean', () => {
    const { encoded, counter } = through(
      { kind: 'number', scope: 'candidate' },
      values(2, '4', 6, 8, undefined, 'no number', Number.POSITIVE_INFINITY),
    );
    const deviation = Math.sqrt(5);
    [-3, -1, 1, 3, 0, 0, 0].forEach((centred, i) => expect(encoded[i]![0]).toBeCloseTo(centred / deviation, 6));
    expect(counter).toEqual({ ...none, missing: 1, unknown: 2 });
  });

  test('is clipped, counted, and transformed before it is standardised', () => {
    const feature = { kind: 'number', scope: 'candidate', transform: 'log1p', min: 0, max: 99, default: 9 } as const;
    const { encoded, counter } = through(feature, values(-5, 200, null), { fitOn: values(0, 99) });
    const log = Math.log(100) / 2; // mean and deviation of {0, ln 100}
    expect(encoded[0]![0]).toBeCloseTo(-1, 6);
    expect(encoded[1]![0]).toBeCloseTo(1, 6);
    expect(encoded[2]![0]).toBeCloseTo((Math.log(10) - log) / log, 6);
    expect(counter).toEqual({ ...none, missing: 1, outOfRange: 2 });
  });

  test('under log1p counts numbers below zero as zero', () => {
    const feature = { kind: 'number', scope: 'candidate', encode: 'raw', transform: 'log1p' } as const;
    expect(through(feature, values(-3, 0, Math.E - 1)).encoded.map(([x]) => x!.toFixed(5))).toEqual([
      '0.00000',
      '0.00000',
      '1.00000',
    ]);
  });

  test('is left as it is when raw; missing is the default, or 0', () => {
    const raw = { kind: 'number', scope: 'candidate', encode: 'raw' } as const;
    expect(through(raw, values(2.5, undefined)).encoded).toEqual([[2.5], [0]]);
    expect(through({ ...raw, default: -1 }, values(2.5, undefined)).encoded).toEqual([[2.5], [-1]]);
  });

  test('encodes as 0 for ever if it was constant in training', () => {
    const { encoded } = through({ kind: 'number', scope: 'candidate' }, values(5, 1000), { fitOn: values(5, 5, 5) });
    expect(encoded).toEqual([[0], [0]]);
  });

  test('falls into its training quantiles, the rows evenly; missing into none', () => {
    const fitOn = values(...Array.from({ length: 1000 }, (_, i) => (i * 37) % 1000));
    const feature = { kind: 'number', scope: 'candidate', encode: 'quantiles', buckets: 4 } as const;
    const { encoded } = through(feature, values(-9, 249, 250, 499, 500, 999, 5000, null), { fitOn });
    const bucket = (row: number[]): number => row.indexOf(1);
    expect(encoded.map(bucket)).toEqual([0, 0, 1, 1, 2, 3, 3, -1]);
    expect(encoded.every((row) => row.length === 4)).toBe(true);
    expect(through({ ...feature, default: 600 }, values(null), { fitOn }).encoded.map(bucket)).toEqual([2]);
  });
});

describe('time', () => {
  const at = (text: string): number => Date.parse(text);

  test('is the local hour of the request', () => {
    const feature = { kind: 'time', scope: 'candidate', unit: 'hour_of_day', timezone: 'Asia/Kolkata' } as const;
    const { encoded, column } = through(feature, [{}], { time: at('2026-05-01T20:45:00Z') });
    expect(read({ column } as Result)).toEqual([2]);
    expect(encoded[0]!.length).toBe(24);
    expect(encoded[0]!.indexOf(1)).toBe(2);
  });

  test('is the local day of the week, Monday first', () => {
    const feature = { kind: 'time', scope: 'candidate', unit: 'day_of_week', timezone: 'Asia/Shanghai' } as const;
    const sundayNight = at('2026-01-04T15:59:59Z');
    expect(through(feature, [{}], { time: sundayNight }).encoded[0]).toEqual([0, 0, 0, 0, 0, 0, 1]);
    expect(through(feature, [{}], { time: sundayNight + 1000 }).encoded[0]).toEqual([1, 0, 0, 0, 0, 0, 0]);
    expect(through(feature, [{}], { time: at('1969-12-31T12:00:00Z') }).encoded[0]!.indexOf(1)).toBe(2);
  });

  test('as age counts days from milliseconds and from dates, local unless they say otherwise', () => {
    const feature = { kind: 'time', scope: 'candidate', unit: 'age', from: 'f', timezone: 'Asia/Shanghai' } as const;
    const result = through(
      feature,
      values(
        start - 3 * dayMs,
        String(start - 3 * dayMs),
        '2026-01-04T00:00:00Z',
        '2026-01-04',
        '2026-01-04 08:00:00.000+08:00',
        start + dayMs,
        'yesterday',
        '2026-02-30',
        null,
      ),
    );
    expect(read(result)).toEqual([3, 3, 1, expect.closeTo(1 + 8 / 24, 5), 1, 0, Number.NaN, Number.NaN, Number.NaN]);
    expect(result.counter).toEqual({ missing: 1, unknown: 2, outOfRange: 1 });
    expect(result.encoded[8]).toEqual([0]);
    expect(result.encoded[0]).toEqual(result.encoded[1]);
    expect(result.encoded[0]![0]).toBeGreaterThan(result.encoded[2]![0]!);
  });
});

describe('ids', () => {
  test('reads arrays and texts, keeps the last n, and averages', () => {
    const result = through(
      { kind: 'ids', scope: 'candidate', dim: 2, last: 3 },
      values(['a', 'b', 'c', 'd'], 'a, b  c', '5,6', 5, [], ' ', undefined),
    );
    expect(bags(result)).toEqual([
      hashed('b', 'c', 'd'),
      hashed('a', 'b', 'c'),
      hashed('5', '6'),
      hashed(5),
      [],
      [],
      [],
    ]);
    expect(result.counter).toEqual({ ...none, missing: 3 });
    expect(result.encoded[2]![0]).toBeCloseTo(((hashId(5)[1] % 7) + (hashId(6)[1] % 7)) / 2, 6);
    expect(result.encoded[4]).toEqual([0, 0]);
  });
});

describe('vector', () => {
  test('is taken as it is; another width is unknown, and missing is zeros', () => {
    const result = through(
      { kind: 'vector', scope: 'candidate', width: 2 },
      values([1, 2], Float32Array.of(3, 4), [1, 2, 3], undefined, 'text', [1, 'x']),
    );
    expect(result.encoded).toEqual([
      [1, 2],
      [3, 4],
      [0, 0],
      [0, 0],
      [0, 0],
      [1, 0],
    ]);
    expect(result.counter).toEqual({ ...none, missing: 1, unknown: 3 });
  });
});
