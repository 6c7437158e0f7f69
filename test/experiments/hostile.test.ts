import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readConfiguration } from '../../src/experiments/index.js';
import { WatchnextError } from '../../src/errors.js';
import { catalogue } from './builders.js';

const demo = readFileSync('models/demo/experiments.json', 'utf8');

/** Every place of a JSON value. */
const placesOf = (value: unknown): (string | number)[][] =>
  typeof value !== 'object' || value === null
    ? [[]]
    : [[], ...Object.entries(value).flatMap(([key, inner]) => placesOf(inner).map((place) => [key, ...place]))];
const places = placesOf(JSON.parse(demo)).filter((place) => place.length > 0);

/** The demo's experiments with something else in one place. */
const damaged = (place: readonly (string | number)[], value: unknown): unknown => {
  const whole = JSON.parse(demo) as Record<string, unknown>;
  let inner = whole;
  for (const key of place.slice(0, -1)) inner = inner[key] as Record<string, unknown>;
  inner[place.at(-1)!] = value;
  return whole;
};

const checked = (value: unknown): void => {
  try {
    const { assign } = readConfiguration(value, 'test', { catalogue });
    for (const userId of ['u', 7, '', undefined])
      for (const attributes of [{}, { device: 'phone', country: null }])
        expect(assign({ userId, attributes })).toMatchObject({
          arms: expect.any(Object),
          settings: expect.any(Object),
        });
  } catch (error) {
    if (!(error instanceof WatchnextError)) throw error;
    expect(error.code).toBe('experiments_invalid');
    expect(error.problems.length).toBeGreaterThan(0);
  }
};

test('whatever stands in a payload, it is refused in words or assigns', () => {
  fc.assert(fc.property(fc.jsonValue(), checked), { seed: 1, numRuns: 300 });
  fc.assert(
    fc.property(fc.constantFrom(...places), fc.jsonValue(), (place, value) => checked(damaged(place, value))),
    { seed: 2, numRuns: 1500 },
  );
});

test('whatever the fields of a request are, it is assigned', () => {
  const condition = {
    a: { $gt: 3 },
    b: { $regex: '^x' },
    'c.d': { $in: ['x'] },
    e: { $elemMatch: { $eq: 1 } },
    f: { $size: 2 },
  };
  const rules = Object.entries(condition).map(([field, value], index) => ({
    ...{ key: `k${index}`, hashVersion: 2, variations: [{}, { limit: 1 }] },
    condition: { $or: [{ [field]: value }, { $not: { [field]: value } }] },
  }));
  const { assign } = readConfiguration({ features: { 'watchnext.a': { rules } } }, 'test');
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('a', 'b', 'c', 'e', 'f', '__proto__', 'id'), fc.anything()),
      (attributes) => {
        expect(Object.keys(assign({ userId: 'u', attributes }).arms)).toEqual(['k0']);
      },
    ),
    { seed: 3, numRuns: 500 },
  );
});
