import { describe, expect, test } from '@jest/globals';
import type { Fields } from '../../src/features/index.js';
import { createFieldWarnings, type FieldPlace } from '../../src/ranking/index.js';
import { ranking, requestFor, shelf } from './shelf.js';

const now = Date.UTC(2026, 0, 1);
const rich = shelf({
  '  quality: {kind: number, scope: candidate, encode: raw}':
    '  quality: {kind: number, scope: candidate, encode: raw, min: 0, max: 5}\n' +
    '  age: {kind: time, scope: candidate, unit: age, from: uploaded_at}\n' +
    '  hour: {kind: time, scope: context, unit: hour_of_day}\n' +
    '  look: {kind: vector, scope: candidate, width: 2}\n' +
    '  tags: {kind: ids, scope: candidate, dim: 2}\n' +
    '  author_rate: {kind: rate, scope: candidate, key: author_id, of: click}',
});
const warningsOf = (where: FieldPlace, ...all: Fields[]) => {
  const warnings = createFieldWarnings([rich], now);
  for (const fields of all) warnings.check(where, fields);
  return warnings.list;
};
const messageOf = (field: string, value: Fields[string]): string | undefined =>
  warningsOf('candidate', { [field]: value })[0]?.message;

describe('warnings of fields', () => {
  test('leave alone what features read, what keys their state, and what is missing', () => {
    const fine = { quality: '4.5', uploaded_at: '2025-12-31', look: [1, 2], tags: 'a b', author_id: 7 };
    expect(warningsOf('candidate', fine, { quality: null, uploaded_at: '', look: undefined })).toEqual([]);
    expect(warningsOf('context', { device: 'tv' })).toEqual([]);
  });

  test('name the nearest known field, or whose field it is', () => {
    expect(messageOf('Quality', 1)).toBe('no feature reads it; did you mean quality?');
    expect(messageOf('zzzzzzzzzz', 1)).toBe('no feature reads it');
    expect(messageOf('device', 'tv')).toBe('is not read here: it is a field of the context');
    // A feature reads its `from`, not its own name; the hour of the request is no field at all.
    expect(messageOf('age', 3)).toMatch(/^no feature reads it/);
    expect(warningsOf('context', { hour: 3 })[0]?.message).toMatch(/^no feature reads it/);
  });

  test.each<[string, Fields[string], string]>([
    ['quality', 'high', '"high" is not a number'],
    ['quality', [1], '[1] is not a number'],
    ['quality', -1, 'is below 0'],
    ['quality', 9, 'is above 5'],
    ['uploaded_at', 'yesterday', '"yesterday" is not a time'],
    ['uploaded_at', now / 1000, 'is it in seconds?'],
    ['uploaded_at', String(now / 1000), 'is it in seconds?'],
    ['uploaded_at', now + 1, 'is in the future'],
    ['look', [1, 2, 3], 'has 3 numbers where 2 are needed'],
    ['look', [1, 'x'], 'has an element that is not a number'],
    ['look', 5, 'is not a list of 2 numbers'],
    ['tags', true, 'is not a list of ids'],
  ])('say why %s cannot be %j', (field, value, part) => {
    expect(messageOf(field, value)).toContain(part);
  });

  test('take old dates that are written as dates', () => {
    expect(messageOf('uploaded_at', '1985-06-01')).toBeUndefined();
  });

  test('come once per field and place, ten at most', () => {
    expect(warningsOf('candidate', { nope: 1 }, { nope: 2 }, { quality: 'a' }, { quality: 'b' })).toHaveLength(2);
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`nope_${index}`, 1]));
    expect(warningsOf('candidate', many)).toHaveLength(10);
  });

  test('with several rankers a field is fine if one reads it; without one nothing is known', () => {
    const both = createFieldWarnings([shelf(), rich], now);
    both.check('candidate', { look: [1, 2], nope: 1 });
    expect(both.list.map(({ field }) => field)).toEqual(['nope']);
    const none = createFieldWarnings([], now);
    none.check('candidate', { nope: 1 });
    expect(none.list).toEqual([]);
  });
});

test('of a long list an even part is looked at, all of it with explain', async () => {
  const { rank } = ranking();
  const request = requestFor(Array.from({ length: 120 }, () => 1));
  const candidates = request.candidates.map(({ fields }, index) => ({
    id: index,
    fields: index === 100 ? { ...fields, nope: 1 } : fields,
  }));
  // Every third of 120: 0, 3, …, 99, 102.
  expect(await rank({ ...request, candidates })).not.toHaveProperty('warnings');
  expect((await rank({ ...request, candidates, explain: true })).warnings).toMatchObject([{ field: 'nope' }]);
  const allWrong = candidates.map(({ id }) => ({ id, fields: { nope: 1 } }));
  expect((await rank({ ...request, candidates: allWrong })).warnings).toMatchObject([{ field: 'nope' }]);
});
