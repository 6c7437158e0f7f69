import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { durationMs, fingerprint, loadRanker, RankerSchema } from '../../src/definition/index.js';
import type { Problem } from '../../src/errors.js';
import { problemsOf, ranker, rankerText } from './builder.js';

const problem = (replacements: Record<string, string>): Problem => {
  const problems = problemsOf(rankerText(replacements));
  expect(problems).toHaveLength(1);
  return problems[0]!;
};

describe('a ranker definition', () => {
  test('is read as written', () => {
    const definition = ranker();
    expect(Object.keys(definition.features)).toEqual([
      'user_id',
      'item_id',
      'genre',
      'device',
      'length',
      'watched',
      'item_rate',
    ]);
    expect(definition.features['watched']).toEqual({
      kind: 'history',
      scope: 'user',
      of: 'item_id',
      on: 'click',
      last: 20,
      shares: 'item_id',
    });
    expect(definition.score.weights).toEqual({ click: 1, watch: 0.5 });
  });

  test('with a mistyped key is told file, line, path and the nearest key', () => {
    const found = problem({ 'experts: 4': 'expert: 4' });
    expect(found.path).toBe('films.yaml:13 network.expert');
    expect(found.message).toBe('unknown key "expert"');
    expect(found.hint).toContain('did you mean experts?');
  });

  test('with an unknown kind is told the nearest kind and nothing else', () => {
    const found = problem({ 'kind: history': 'kind: histroy' });
    expect(found.path).toBe('films.yaml:8 features.watched.kind');
    expect(found.hint).toContain('did you mean history?');
  });

  test('hears of every problem at once, each with its line', () => {
    const found = problemsOf(
      rankerText({
        'dim: 8}': 'dim: 0}',
        'scope: candidate, values': 'scope: canidate, values',
        'half_life: 3d': 'half_life: 3 days',
        'form: product': 'form: ratio',
      }),
    );
    expect(found.map(({ path }) => path)).toEqual([
      'films.yaml:3 features.user_id.dim',
      'films.yaml:5 features.genre.scope',
      'films.yaml:9 features.item_rate.half_life',
      'films.yaml:15 score.form',
    ]);
    expect(found[2]!.message).toContain('a duration such as 30s');
  });

  test.each([
    ['a YAML slip', { 'dim: 8}': 'dim: 8' }, /^films\.yaml:\d+/, /./],
    ['an id without a width', { 'scope: user, dim: 8': 'scope: user' }, /user_id/, /"dim" is missing/],
    ['a category with both forms', { 'values: [drama, comedy]': 'values: [drama], dim: 4' }, /genre/, /exactly one/],
    ['a table that is not there', { 'shares: item_id': 'shares: itemid' }, /shares/, /no feature with a table/],
    [
      'a table shared with one that shares',
      { 'shares: item_id': 'shares: watched' },
      /shares/,
      /no feature with a table/,
    ],
    ['two widths for one table', { 'shares: item_id': 'shares: item_id, dim: 4' }, /shares/, /differs/],
    ['a rate of an unknown task', { 'of: [click, watch]': 'of: [clicks]' }, /item_rate\.of/, /no task "clicks"/],
    ['a history of a regression', { 'on: click, last': 'on: watch, last' }, /watched\.on/, /regression/],
    [
      'a task that waits for a regression',
      { 'label: clicked': 'label: clicked, when: watch' },
      /click\.when/,
      /regression/,
    ],
    [
      'tasks that wait for each other',
      {
        'label: clicked': 'label: clicked, when: finish',
        'tasks:\n': 'tasks:\n  finish: {kind: binary, label: finished, when: click}\n',
      },
      /tasks\.finish\.when/,
      /cannot wait for itself/,
    ],
    ['a task by a name that every object has', { 'of: [click, watch]': 'of: toString' }, /item_rate\.of/, /no task/],
    ['an outcome as a feature', { 'length: {kind: number': 'clicked: {kind: number' }, /clicked/, /label of click/],
    ['an outcome in a key', { 'key: item_id': 'key: [user_id, seconds]' }, /item_rate\.key/, /label of watch/],
    [
      'the position as a feature',
      { 'length: {kind: number': 'length: {from: position, kind: number' },
      /length\.from/,
      /no field of a request/,
    ],
    [
      'a binary task with a transform',
      { 'label: clicked': 'label: clicked, transform: log1p' },
      /transform/,
      /no transform/,
    ],
    [
      'experts without mmoe',
      { 'kind: mmoe, experts: 4, expert_layers: [16]': 'kind: shared_bottom, experts: 4', ', gate_dropout: 0.1': '' },
      /network\.experts/,
      /belongs to kind: mmoe/,
    ],
    [
      'a bias feature that cannot be crossed',
      { '[position, device]': '[position, length]' },
      /bias\.features/,
      /cannot be crossed/,
    ],
    ['a weight for no task', { 'watch: 0.5': 'wach: 0.5' }, /score\.weights\.wach/, /no task/],
    [
      'a weight outside its own bounds',
      { 'weights: {click: 1, watch: 0.5}': 'weights: {click: 1}, bounds: {click: [2, 3]}' },
      /score\.bounds\.click/,
      /outside/,
    ],
    [
      'more orders varied than there are',
      { 'weights: {click: 1, watch: 0.5}': 'weights: {click: 1}, exploration: {share: 0.7, swaps: 0.4}' },
      /score\.exploration/,
      /together/,
    ],
    [
      'noise without a temperature',
      { 'weights: {click: 1, watch: 0.5}': 'weights: {click: 1}, exploration: {share: 0.1, temperature: 0}' },
      /score\.exploration\.temperature/,
      /./,
    ],
    [
      'an unknown time zone',
      { 'feedback_delay: 1d': 'feedback_delay: 1d, timezone: Mars/Base' },
      /timezone/,
      /unknown time zone/,
    ],
    ['quantiles without buckets', { 'transform: log1p}': 'encode: quantiles}' }, /length/, /belong together/],
    [
      'an age without its field',
      {
        'length: {kind: number, scope: candidate, transform: log1p}':
          'length: {kind: time, scope: candidate, unit: age}',
      },
      /length/,
      /needs "from"/,
    ],
    ['no tasks', { 'name: films': 'name: 7' }, /name/, /must be string/],
  ])('refuses %s', (_, replacements, path, message) => {
    const found = problemsOf(rankerText(replacements));
    expect(found[0]!.path).toMatch(path);
    expect(found.map((p) => p.message).join('\n')).toMatch(message);
  });

  test('hears of references that cannot be right together with what its schema refuses', () => {
    const found = problemsOf(
      rankerText({ 'experts: 4': 'expert: 4', 'weights: {click: 1': 'weights: {clik: 1', 'on: click': 'on: clicked' }),
    );
    expect(found.map(({ path }) => path.replace(/^.* /, ''))).toEqual([
      'network.expert',
      'features.watched.on',
      'score.weights.clik',
    ]);
  });

  test('hears of both where they are in one part', () => {
    const pathsOf = (replacements: Readonly<Record<string, string>>): string[] =>
      problemsOf(rankerText(replacements)).map(({ path }) => path.replace(/^.* /, ''));
    expect(pathsOf({ 'form: product, weights: {click: 1': 'form: prod, weights: {clik: 1' })).toEqual([
      'score.form',
      'score.weights.clik',
    ]);
    expect(pathsOf({ 'batch: 64, epochs: 2': 'batch: 0, epoch: 2, timezone: Mars/Base' })).toEqual([
      'training.epoch',
      'training.batch',
      'training.timezone',
    ]);
    expect(pathsOf({ 'training:': 'stream: {publish: 2 parsecs, rankers: [films]}\ntraining:' })).toEqual([
      'stream.publish',
      'stream.rankers.0',
    ]);
    // Without the weights nothing can be said of their bounds.
    expect(pathsOf({ 'weights: {click: 1, watch: 0.5}': 'weights: {click: one}, bounds: {click: [0, 2]}' })).toEqual([
      'score.weights.click',
    ]);
  });

  test('hears of the slip that makes the file no YAML, not of what follows from it', () => {
    const found = problemsOf(rankerText({ '  user_id': '\tuser_id' }));
    expect(found.map(({ path, hint }) => [path, hint])).toEqual([['films.yaml:3', 'indent with spaces']]);
  });

  test('hears of every key that stands twice, by line', () => {
    const found = problemsOf(
      rankerText({ '  user_id': '  user_id: {}\n  user_id', 'form: product': 'form: sum, form: product' }),
    );
    expect(found.map(({ path, message }) => [path, message])).toEqual([
      ['films.yaml:4', '"user_id" stands here a second time'],
      ['films.yaml:16', '"form" stands here a second time'],
    ]);
  });

  test('hears what a missing part is', () => {
    const [found] = problemsOf(rankerText({ 'score:': 'scores:' }));
    expect(found).toMatchObject({
      message: '"score" is missing',
      hint: expect.stringMatching(/^how head values/) as unknown,
    });
  });

  test('hears once of a feature without a kind', () => {
    const [found, ...more] = problemsOf(rankerText({ '{kind: number, scope': '{scope' }));
    expect([found?.message, found?.hint, more]).toEqual([
      '"kind" is missing',
      expect.stringMatching(/number.*rate/),
      [],
    ]);
  });

  test('hears nothing of references to a name that only is written wrongly', () => {
    const found = problemsOf(rankerText({ '  click: {group': '  Click: {group' }));
    expect(found.map(({ path }) => path.replace(/^.* /, ''))).toEqual(['tasks.Click']);
  });

  test('hears nothing of references to what its schema refuses', () => {
    const found = problemsOf(rankerText({ 'click: {group: engagement, kind: binary': 'click: {kind: binari' }));
    expect(found).toHaveLength(1);
    expect(problemsOf(rankerText({ 'user_id: {kind: id, scope: user, dim: 8}': 'user_id: 3' }))).toHaveLength(1);
    expect(problemsOf('features: 3\ntasks: [1]\nscore: x').length).toBeGreaterThan(2);
  });

  test('says how feedback becomes labels', () => {
    const labels = (text: string): readonly Problem[] => problemsOf(`${rankerText()}labels: ${text}\n`);
    expect(labels('{click: {wait: 2m, late: fake-negative-weighted}, watch: {on: [watch, play], take: sum}}')).toEqual(
      [],
    );
    expect(labels('{clik: {wait: 2m}}')[0]?.hint).toContain('click');
    expect(labels('{click: {take: sum}}')[0]?.message).toContain('binary');
    expect(labels('{watch: {late: fake-negative-weighted}}')[0]?.message).toContain('no negatives');
  });

  test('knows one way to weigh losses', () => {
    expect(ranker({ 'batch: 64': 'batch: 64, weighting: fixed' }).training?.weighting).toBe('fixed');
    expect(problem({ 'batch: 64': 'batch: 64, weighting: learned' }).hint).toContain('fixed');
  });

  test('refuses text that is no object', () => {
    expect(problemsOf('[1, 2]')[0]!.message).toContain('must be object');
    expect(problemsOf('# only a comment')[0]!.message).toBe('the file is empty');
    expect(problemsOf('')).toMatchObject([{ path: 'films.yaml:1', message: 'the file is empty' }]);
  });
});

describe('a ranker on disk', () => {
  test('may be named by its folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'watchnext-test-'));
    const missing = loadRanker(folder);
    await expect(missing).rejects.toMatchObject({ message: `${join(folder, 'ranker.yaml')} does not exist` });
    await writeFile(join(folder, 'ranker.yaml'), rankerText());
    await writeFile(join(folder, 'dataset.sql'), 'SELECT 1');
    const named = await loadRanker(folder);
    expect(named).toEqual(await loadRanker(join(folder, 'ranker.yaml')));
    expect(named.sql).toBe('SELECT 1');
    await rm(folder, { recursive: true });
  });
});

describe('the fingerprint', () => {
  test('changes with what the model sees and not with weights or training', () => {
    const base = fingerprint(ranker());
    expect(base).toMatch(/^[0-9a-f]{16}$/);
    expect(fingerprint(ranker({ 'click: 1, watch: 0.5': 'click: 2, watch: 0.1', 'batch: 64': 'batch: 128' }))).toBe(
      base,
    );
    expect(fingerprint(ranker({ 'values: [drama, comedy]': 'values: [comedy, drama]' }))).not.toBe(base);
    expect(fingerprint(ranker({ 'half_life: 3d': 'half_life: 4d' }))).not.toBe(base);
    expect(fingerprint(ranker({ 'feedback_delay: 1d': 'feedback_delay: 0s' }))).not.toBe(base);
  });

  test('does not depend on the order of keys within a part', () => {
    expect(fingerprint(ranker({ '{kind: id, scope: user, dim: 8}': '{dim: 8, scope: user, kind: id}' }))).toBe(
      fingerprint(ranker()),
    );
  });
});

test('durations are read in their units', () => {
  expect([durationMs('250ms'), durationMs('2s'), durationMs('3m'), durationMs('4h'), durationMs('5d')]).toEqual([
    250, 2000, 180000, 14400000, 432000000,
  ]);
  expect(() => durationMs('5 days')).toThrow(/is not a duration/);
});

test('the JSON Schema names every feature kind', () => {
  const kinds = JSON.stringify(RankerSchema)
    .match(/"const":"(\w+)"/g)!
    .map((match) => match.slice(9, -1));
  expect(new Set(kinds)).toEqual(
    new Set(['id', 'category', 'number', 'time', 'ids', 'vector', 'history', 'rate', 'count']),
  );
});
