import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { changedParts, learnerRefusal, waitText } from '../../cli/learn/index.js';
import { parseDefinition } from '../../src/definition/index.js';
import { WatchnextError } from '../../src/errors.js';

const yaml = (more = ''): string => `
name: clips
features: {item_id: {kind: id, scope: candidate, dim: 4}}
tasks:
  click: {kind: binary, label: clicked}
  watch: {kind: regression, label: seconds}
network: {kind: shared_bottom, bottom: [4]}
score: {form: sum, weights: {click: 1}}
${more}`;

test('the learner says how long it waits: ten minutes if nobody said otherwise, else the longest wait', () => {
  expect(waitText(parseDefinition(yaml()))).toContain('is learned 10 min later');
  const waits = 'labels: {click: {wait: 20s}, watch: {wait: 30s}}';
  expect(waitText(parseDefinition(yaml(waits)))).toContain('is learned 30.0 s later');
  const atOnce = 'labels: {click: {late: fake-negative-weighted}}';
  expect(waitText(parseDefinition(yaml(atOnce)))).toBeUndefined();
});

test('a ranker.yaml that says something else than the version does is noticed by its parts', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'watchnext-learn-'));
  const file = join(folder, 'ranker.yaml');
  const sealed = parseDefinition(yaml());
  try {
    expect(await changedParts(file, sealed)).toEqual([]);
    await writeFile(file, `# a remark\n${yaml()}`);
    expect(await changedParts(file, sealed)).toEqual([]);
    await writeFile(file, yaml('labels: {click: {wait: 20s}}\nstream: {publish: 2s}'));
    expect(await changedParts(file, sealed)).toEqual(['labels', 'stream']);
    await writeFile(file, 'name: [');
    expect(await changedParts(file, sealed)).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('what keeps a learner from going on is said in its terms, anything else stays as it is', () => {
  const locked = (topic: string): WatchnextError =>
    new WatchnextError('log_locked', 'Process 7 writes it.', {
      problems: [{ path: `/log/${topic}`, message: 'is written by process 7', hint: 'stop it' }],
    });
  expect(learnerRefusal(locked('dead-letters'), '.learner')).toMatchObject({
    code: 'log_locked',
    message: 'Another learner or joiner works on this embedded log.',
    problems: [{ message: 'is written by process 7', hint: expect.stringContaining('at a time') }],
  });
  const gap = new WatchnextError('log_gap', 'No record 9.', { problems: [{ path: 'events/0', message: 'ends' }] });
  expect(learnerRefusal(gap, 'm/.learner')).toMatchObject({
    message: 'No record 9.',
    problems: [{ path: 'events/0' }, { path: 'm/.learner', hint: expect.stringContaining('--checkpoints') }],
  });
  for (const other of [locked('events'), new Error('no')]) expect(learnerRefusal(other, '.learner')).toBe(other);
});
