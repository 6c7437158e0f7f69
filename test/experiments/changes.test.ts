import { describe, expect, test } from '@jest/globals';
import { readConfiguration } from '../../src/experiments/index.js';
import { catalogue, experiment, payload, problemsOf } from './builders.js';

type Parts = Readonly<Record<string, unknown>>;
const of = (parts: Parts) => payload({ 'watchnext.a': [experiment('a', { coverage: 0.5, ...parts })] });
const begunWith = (...all: readonly object[]) =>
  all.reduce<ReturnType<typeof readConfiguration>['begun']>(
    (begun, value) => readConfiguration(value, 'test', { catalogue, begun }).begun,
    readConfiguration({ features: {} }, 'test').begun,
  );
const changed = (before: Parts, after: Parts): string[] => problemsOf(of(after), { begun: begunWith(of(before)) });

describe('a running experiment is refused another', () => {
  test.each([
    ['seed', { seed: 'other' }, 'seed'],
    ['hash', { hashVersion: 1 }, 'hashVersion'],
    ['layer', { namespace: ['layer', 0, 0.5] }, 'layer'],
    ['split', { weights: [0.4, 0.6] }, 'the split'],
    ['arm', { variations: [{}, {}, {}], meta: [{ key: 'control' }, { key: 'changed' }, { key: 'new' }] }, 'arms'],
    ['name of an arm', { meta: [{ key: 'control' }, { key: 'renamed' }] }, 'arms'],
    ['thing to set', { variations: [{}, { limit: 20 }] }, 'what the arms set'],
    ['targeting', { condition: { country: 'DE' } }, 'targeting'],
  ])('%s, unless its phase changes', (_, parts, called) => {
    expect(changed({}, parts)).toEqual([
      expect.stringMatching(
        new RegExp(`/features/watchnext.a/rules/0: a runs in phase 1, and this changes .*${called}`),
      ),
    ]);
    expect(changed({}, { ...parts, phase: '2' })).toEqual([]);
  });

  test('coverage, if it is smaller', () => {
    expect(changed({}, { coverage: 0.4 })).toEqual([expect.stringContaining('this changes coverage (it fell)')]);
    expect(changed({}, { coverage: 0.9 })).toEqual([]);
    expect(changed({ coverage: 0 }, { coverage: 0.1 })).toEqual([]);
  });

  test('everything at once is one problem that names all', () => {
    expect(changed({}, { seed: 'other', weights: [0.1, 0.9], variations: [{}, { limit: 1 }] })).toEqual([
      expect.stringContaining('what the arms set, seed, the split'),
    ]);
  });
});

describe('a running experiment may', () => {
  test('be written in another order, and be given a name', () => {
    const settings = { limit: 5, form: 'sum' };
    const reordered = { form: 'sum', limit: 5 };
    expect(changed({ variations: [{}, settings] }, { name: 'A', variations: [{}, reordered] })).toEqual([]);
  });

  test('be written with ranges that are the same', () => {
    const ranges = [
      [0, 0.25],
      [0.5, 0.75],
    ];
    expect(changed({}, { ranges, coverage: undefined })).toEqual([]);
  });

  test('end: be removed, switched off, or stand behind a forced value', () => {
    const begun = begunWith(of({}));
    expect(problemsOf({ features: {} }, { begun })).toEqual([]);
    expect(changed({}, { active: false, seed: 'other' })).toEqual([]);
    const forced = payload({ 'watchnext.a': [{ force: {} }, experiment('a', { coverage: 0.5 })] });
    expect(problemsOf(forced, { begun })).toEqual([]);
  });

  test('begin again where it ended, as it was only', () => {
    const begun = begunWith(of({}), { features: {} }, of({ phase: '2', seed: 'second' }), of({ active: false }));
    expect(problemsOf(of({}), { begun })).toEqual([]);
    expect(problemsOf(of({ seed: 'second' }), { begun })).toHaveLength(1);
    expect(problemsOf(of({ phase: '2', seed: 'second' }), { begun })).toEqual([]);
    expect(problemsOf(of({ phase: 3, seed: 'third' }), { begun })).toEqual([]);
  });
});
