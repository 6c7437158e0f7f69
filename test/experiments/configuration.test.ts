import { describe, expect, test } from '@jest/globals';
import { readConfiguration } from '../../src/experiments/index.js';
import { catalogue, experiment, payload, problemsOf } from './builders.js';

const armOf = (settings: unknown): string[] =>
  problemsOf(payload({ 'watchnext.a': [experiment('a', { variations: [{}, settings] })] })).map((problem) =>
    problem.replace('/features/watchnext.a/rules/0/variations/1', 'arm'),
  );
const ruleOf = (parts: Readonly<Record<string, unknown>>): string[] =>
  problemsOf(payload({ 'watchnext.a': [experiment('a', parts)] })).map((problem) =>
    problem.replace('/features/watchnext.a/rules/0', 'rule'),
  );

describe('a payload that is no payload', () => {
  test.each([
    [null, ': must be an object'],
    [[], ': must be an object'],
    [{}, '/features: is missing'],
    [{ features: [] }, '/features: must be an object of features by name'],
    [{ feature: {} }, '/feature: unknown key "feature" (did you mean features?'],
    [{ encryptedFeatures: 'x' }, '/encryptedFeatures: is encrypted'],
    [{ features: { watchnext: 3 } }, '/features/watchnext: must be an object with defaultValue and rules'],
    [{ features: { watchnext: { rules: {} } } }, '/features/watchnext/rules: must be a list'],
    [{ features: { watchnext: { rules: [1] } } }, '/features/watchnext/rules/0: must be an object'],
    [{ features: {}, savedGroups: [] }, '/savedGroups: must be an object'],
    [{ features: {}, testers: { me: 'arm' } }, '/testers/me: must name an arm for each experiment'],
  ])('%j is refused', (value, problem) => {
    expect(problemsOf(value)).toContainEqual(expect.stringContaining(problem));
  });

  test('with no feature is no experiment', () => {
    const { experiments, assign } = readConfiguration({ features: {} }, 'test');
    expect(experiments).toEqual([]);
    expect(assign({ userId: 1, attributes: {} })).toEqual({ arms: {}, settings: {}, exposed: [] });
  });
});

describe('an arm', () => {
  test.each([
    [{ wieghts: {} }, 'arm/wieghts: unknown key "wieghts" (did you mean weights?'],
    [{ weights: { likes: 1 } }, 'arm/weights/likes: likes is not a head (did you mean like?'],
    [{ weights: { like: 2.5 } }, 'arm/weights/like: 2.5 is not allowed by ranker home (from -1 to 1)'],
    [{ weights: { click: '1' } }, 'arm/weights: must be a number for each head'],
    [{ ranker: 'hom' }, 'arm/ranker: there is no ranker hom (did you mean home?'],
    [{ ranker: 'home', version: 'v9' }, 'arm/version: ranker home has no version v9 (did you mean'],
    [{ version: 'v3' }, 'arm/version: no ranker has a version v3'],
    [{ form: 'mean' }, 'arm/form: must be product or sum, is "mean"'],
    [{ exploration: { share: 1.5 } }, 'arm/exploration/share: must be a share from 0 to 1, is 1.5'],
    [{ exploration: { temperature: 0 } }, 'arm/exploration/temperature: must be a number above 0, is 0'],
    [{ exploration: { swap: 0.1 } }, 'arm/exploration/swap: unknown key "swap" (did you mean swaps?'],
    [{ exploration: { share: 0.7, swaps: 0.7 } }, 'arm/exploration: share and swaps are 1.4 together'],
    [{ exploration: 0.1 }, 'arm/exploration: must be an object'],
    [{ limit: 0 }, 'arm/limit: must be a whole number from 1, is 0'],
    [{ fallback: 'random' }, 'arm/fallback: must be rates or request'],
    ['changed', 'arm: must be settings, is "changed"'],
  ])('%j is refused', (settings, problem) => {
    expect(armOf(settings)).toEqual([expect.stringContaining(problem)]);
  });

  test('may set everything there is, within bounds', () => {
    const exploration = { share: 0.3, temperature: 0.5, swaps: 0.1 };
    const weights = { click: 2, like: -1 };
    expect(
      armOf({ ranker: 'home', version: 'v2', weights, form: 'sum', exploration, limit: 5, fallback: 'rates' }),
    ).toEqual([]);
  });

  test('without a ranker names heads of any ranker, within the bounds of all that have them', () => {
    expect(armOf({ weights: { share: 3 } })).toEqual([]);
    expect(armOf({ weights: { click: 1.5 } })).toEqual([
      expect.stringContaining('click: 1.5 is not allowed by ranker news (from 0 to 1)'),
    ]);
  });

  test('that pins a version of a ranker that learns is noted: it grows old beside the others', () => {
    const notesOf = (settings: object) =>
      readConfiguration(payload({ 'watchnext.a': [experiment('a', { variations: [{}, settings] })] }), 'test', {
        catalogue,
      }).notes;
    const path = '/features/watchnext.a/rules/0/variations/1/version';
    const message = 'ranker news learns from the stream, and the pinned v9 stays as it was sealed';
    expect(notesOf({ ranker: 'news', version: 'v9' })).toMatchObject([{ path, message }]);
    expect(notesOf({ version: 'v9' })).toMatchObject([{ path, message }]);
    expect(notesOf({ ranker: 'home', version: 'v1' })).toEqual([]);
    expect(notesOf({ ranker: 'news' })).toEqual([]);
  });

  test('is not looked up where there is no catalogue', () => {
    const named = payload({ 'watchnext.a': [experiment('a', { variations: [{}, { ranker: 'any' }] })] });
    expect(problemsOf(named, {})).toEqual([]);
  });
});

describe('a split', () => {
  test.each([
    [{ weights: [0.7, 0.7] }, 'rule/weights: sum to 1.4, more than the whole'],
    [{ weights: [0.2, 0.2] }, 'rule/weights: sum to 0.4, less than the whole'],
    [{ weights: [1] }, 'rule/weights: must be 2 shares'],
    [{ weights: [1.5, -0.5] }, 'rule/weights: [1.5,-0.5] are not shares from 0 to 1'],
    [{ weights: [50, 50] }, 'rule/weights: [50,50] are not shares from 0 to 1'],
    [{ coverage: 1.2 }, 'rule/coverage: 1.2 is not allowed'],
    [{ coverage: '10%' }, 'rule/coverage: "10%" is not allowed'],
    [
      {
        ranges: [
          [0, 0.6],
          [0.5, 1],
        ],
      },
      'rule/ranges: [0,0.6] and [0.5,1] overlap',
    ],
    [
      {
        ranges: [
          [0, 2],
          [0, 1],
        ],
      },
      'rule/ranges: must be 2 ranges',
    ],
    [{ variations: [{}], meta: [{ key: 'one' }] }, 'rule/variations: must be two or more'],
    [{ meta: [{ key: 'same' }, { key: 'same' }] }, 'rule/meta: two arms are called "same"'],
    [{ meta: [{ key: 'one' }] }, 'rule/meta: must be 2 objects'],
    [{ meta: [{ key: 'a/b' }, {}] }, 'rule/meta/0/key: "a/b" is no name'],
    [{ key: 'two words' }, 'rule/key: "two words" is no name'],
    [{ seed: 7 }, 'rule/seed: must be a text'],
    [{ phase: {} }, 'rule/phase: must be a text or a whole number'],
    [{ hashVersion: 3 }, 'rule/hashVersion: 3 is not allowed'],
    [{ hashAttribute: 'session' }, 'rule/hashAttribute: "session" is not the user'],
    [{ active: 'no' }, 'rule/active: must be true or false'],
    [{ namespace: ['layer', 0.5, 0.2] }, 'rule/namespace: ["layer",0.5,0.2] is not allowed'],
    [{ filters: [{ seed: 'layer', ranges: [[0, 3]] }] }, 'rule/filters/0: must be {seed, ranges}'],
    [{ weigths: [0.5, 0.5] }, 'rule/weigths: unknown key "weigths" (did you mean weights?'],
  ])('with %j is refused', (parts, problem) => {
    expect(ruleOf(parts)).toContainEqual(expect.stringContaining(problem));
  });

  test('of thirds may be written with four digits', () => {
    expect(ruleOf({ variations: [{}, {}, {}], meta: [{}, {}, {}], weights: [0.3333, 0.3333, 0.3333] })).toEqual([]);
  });

  test('is told as shares of those who take part', () => {
    const { experiments } = readConfiguration(
      payload({ 'watchnext.a': [experiment('a', { weights: [0.8, 0.2], coverage: 0.5, namespace: ['l', 0, 0.25] })] }),
      'test',
    );
    expect(experiments).toMatchObject([
      {
        key: 'a',
        phase: '1',
        feature: 'watchnext.a',
        active: true,
        targeted: false,
        layers: [{ layer: 'l', ranges: [[0, 0.25]] }],
        arms: [
          { key: 'control', settings: {} },
          { key: 'changed', settings: { limit: 10 } },
        ],
      },
    ]);
    expect(experiments[0]!.coverage).toBeCloseTo(0.5, 12);
    expect(experiments[0]!.arms.map(({ share }) => share)).toEqual([expect.closeTo(0.8, 12), expect.closeTo(0.2, 12)]);
  });
});

describe('a condition', () => {
  test.each([
    [{ country: { $inn: ['DE'] } }, 'condition/country/$inn: unknown operator "$inn" (did you mean $in?'],
    [{ country: { $in: 'DE' } }, 'condition/country/$in: must be a list'],
    [{ $in: ['DE'] }, 'condition/$in: $in stands with an attribute'],
    [{ $or: { country: 'DE' } }, 'condition/$or: must be a list of conditions'],
    [{ name: { $regex: '(' } }, 'condition/name/$regex: "(" is no regular expression'],
    [{ id: { $inGroup: 'staff' } }, 'condition/id/$inGroup: there is no saved group "staff"'],
    [{ id: { $in: [7] } }, 'condition/id/$in: lists numbers (write ids as texts: ["7"])'],
    [{ $not: { $and: [{ country: { $has: 1 } }] } }, 'condition/$not/$and/0/country/$has: unknown operator'],
    ['DE', 'condition: must be an object'],
  ])('%j is refused', (condition, problem) => {
    expect(ruleOf({ condition })).toEqual([expect.stringContaining(problem)]);
  });

  test('that GrowthBook can evaluate is taken', () => {
    const condition = {
      $or: [{ country: { $in: ['DE'] } }, { 'device.kind': { $not: { $regex: '^tv' } } }],
      age: { $gt: 3 },
    };
    expect(ruleOf({ condition })).toEqual([]);
  });
});

describe('experiments that cannot be told apart', () => {
  const limit = experiment('one');
  test('two of one name', () => {
    expect(
      problemsOf(payload({ 'watchnext.a': [limit], 'watchnext.b': [experiment('one', { variations: [{}, {}] })] })),
    ).toEqual([
      expect.stringContaining('/features/watchnext.b/rules/0/key: there are two experiments "one"; the other is at'),
    ]);
  });

  test('two that set the same for one user', () => {
    expect(problemsOf(payload({ 'watchnext.a': [limit], 'watchnext.b': [experiment('two')] }))).toEqual([
      expect.stringContaining('experiment two and experiment one can both set limit for one user'),
    ]);
    const weights = (head: string) => ({ variations: [{}, { weights: { [head]: 1 } }] });
    const both = (head: string) =>
      problemsOf(
        payload({
          'watchnext.a': [experiment('a', weights('click'))],
          'watchnext.b': [experiment('b', weights(head))],
        }),
      );
    expect(both('click')).toEqual([expect.stringContaining('can both set weights.click')]);
    expect(both('like')).toEqual([]);
  });

  test('a version, and a ranker that may not have it', () => {
    const rules = (settings: object) => ({ variations: [{}, settings] });
    expect(
      problemsOf(
        payload({
          'watchnext.a': [experiment('a', rules({ ranker: 'news' }))],
          'watchnext.b': [experiment('b', rules({ version: 'v1' }))],
        }),
      ),
    ).toEqual([expect.stringContaining('can both set ranker')]);
  });

  test('an experiment, and the default of another feature', () => {
    const value = payload({ 'watchnext.a': [experiment('a')], 'watchnext.b': [] });
    (value.features['watchnext.b'] as { defaultValue: unknown }).defaultValue = { limit: 5 };
    expect(problemsOf(value)).toEqual([
      expect.stringContaining('the default of watchnext.b and experiment a can both set limit'),
    ]);
  });

  test('but rules of one feature, and parts of one layer, keep them apart', () => {
    expect(problemsOf(payload({ 'watchnext.a': [limit, experiment('two')] }))).toEqual([]);
    const part = (key: string, from: number, to: number) => [experiment(key, { namespace: ['layer', from, to] })];
    expect(problemsOf(payload({ 'watchnext.a': part('a', 0, 0.5), 'watchnext.b': part('b', 0.5, 1) }))).toEqual([]);
    expect(problemsOf(payload({ 'watchnext.a': part('a', 0, 0.5), 'watchnext.b': part('b', 0.4, 1) }))).toEqual([
      expect.stringContaining('b and a overlap in layer "layer"'),
      expect.stringContaining('can both set limit'),
    ]);
    const filter = (key: string, ranges: number[][]) => [experiment(key, { filters: [{ seed: 'layer', ranges }] })];
    const apart = {
      'watchnext.a': filter('a', [
        [0, 0.2],
        [0.6, 0.8],
      ]),
      'watchnext.b': filter('b', [[0.2, 0.6]]),
    };
    expect(problemsOf(payload(apart))).toEqual([]);
  });

  test('one that is switched off disturbs nobody', () => {
    expect(
      problemsOf(payload({ 'watchnext.a': [limit], 'watchnext.b': [experiment('two', { active: false })] })),
    ).toEqual([]);
  });
});

describe('what is told and not refused', () => {
  const notesOf = (value: unknown): string[] =>
    readConfiguration(value, 'test', { catalogue }).notes.map(({ path, message }) => `${path}: ${message}`);

  test('features of others in the same payload', () => {
    const value = payload({ 'watchnext.a': [experiment('a')], checkout: [{ force: 'anything', odd: 1 }] });
    expect(notesOf(value)).toEqual(['/features: 1 feature(s) are not for this service: checkout']);
  });

  test('testers of what is not there, so that an experiment can be ended without a look at them', () => {
    const value = payload({ 'watchnext.a': [experiment('a')] }, { testers: { me: { gone: 'x', a: 'changd' } } });
    expect(notesOf(value)).toEqual([
      '/testers/me/gone: there is no experiment "gone"',
      '/testers/me/a: a has no arm "changd"',
    ]);
  });

  test('keys that another version of GrowthBook may know', () => {
    expect(notesOf(payload({ 'watchnext.a': [experiment('a', { contextLimits: 3 })] }))).toEqual([
      '/features/watchnext.a/rules/0/contextLimits: "contextLimits" is not used here',
    ]);
  });
});

describe('every problem is told at once', () => {
  test('of shares and of arms', () => {
    const value = payload({
      'watchnext.a': [experiment('a', { weights: [1, 1], variations: [{ limit: 0 }, { lmit: 1 }] })],
    });
    expect(problemsOf(value)).toHaveLength(3);
  });

  test('of an arm whose share of noise is wrong, also what it names', () => {
    const weights = { likes: 1, click: '1' };
    expect(armOf({ ranker: 'home', version: 'v9', weights, exploration: { share: 3 } })).toEqual([
      expect.stringContaining('arm/weights: must be a number for each head'),
      expect.stringContaining('arm/exploration/share: must be a share'),
      expect.stringContaining('arm/version: ranker home has no version v9'),
      expect.stringContaining('arm/weights/likes: likes is not a head'),
    ]);
  });

  test('but nothing is looked up in a ranker that is no name', () => {
    expect(armOf({ ranker: 7, weights: { likes: 1 } })).toEqual([
      expect.stringContaining('arm/ranker: must be a name, is 7'),
    ]);
  });
});

test('whatever a user can get is known beforehand, so that it can be loaded', () => {
  const value = payload({
    'watchnext.a': [
      { force: { version: 'v1' }, condition: { x: 1 } },
      experiment('a', { variations: [{}, { version: 'v2' }] }),
    ],
    'watchnext.b': [experiment('b', { active: false, variations: [{}, { version: 'v9' }] })],
  });
  const versions = readConfiguration(value, 'test', { catalogue }).settings.flatMap(({ version }) => version ?? []);
  expect(versions).toEqual(['v1', 'v2']);
});
