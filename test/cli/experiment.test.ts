import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { assignCommand, checkCommand } from '../../cli/experiment/index.js';
import { loadConfiguration } from '../../src/experiments/index.js';
import { openArtifacts, sealArtifact } from '../../src/artifact/index.js';
import { lessonsOf, publishLessons } from '../artifact/lessons.js';
import { sealing } from '../artifact/model.js';
import { experiment, payload } from '../experiments/builders.js';

let folder = '';
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'watchnext-experiment-command-'))));
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const run = async (command: typeof checkCommand, ...parameters: readonly string[]) => {
  const written = { out: '', err: '' };
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => Boolean((written.out += String(text))));
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => Boolean((written.err += String(text))));
  await command().parseAsync(parameters, { from: 'user' });
  return written;
};
const file = (value: unknown): string => {
  const path = join(folder, 'experiments.json');
  writeFileSync(path, JSON.stringify(value));
  return path;
};
const demo = 'models/demo/experiments.json';

test('the demo’s experiments are valid for the demo’s ranker, with nothing to remark', async () => {
  const { out, err } = await run(checkCommand, demo, '--models', 'models');
  expect(out).toContain('is valid: 5 experiments');
  expect(err).toBe('');
});

test('check prints experiments, layers, shares and what arms set, and remarks on what may not be meant', async () => {
  const value = payload(
    {
      'watchnext.a': [
        experiment('a', { namespace: ['layer', 0, 0.25], coverage: 0.2, weights: [0.75, 0.25], condition: { x: 1 } }),
      ],
    },
    { testers: { me: { b: 'control' } } },
  );
  const { out, err } = await run(checkCommand, file(value));
  const [, , , , first = '', second = ''] = out.split('\n').map((line) => line.replace(/ {2,}/g, ' | '));
  expect(first).toBe('a | 1 | layer 0-0.25 | 20% of those aimed at | control | 75% | {}');
  expect(second).toMatch(/changed \| 25% \| \{"limit":10\}$/);
  expect(err).toBe('note: /testers/me/b: there is no experiment "b" (did you mean a? Allowed: a)\n');
});

test('check --json is one object', async () => {
  const { out } = await run(checkCommand, file(payload({ 'watchnext.a': [experiment('a')] })), '--json');
  expect(JSON.parse(out)).toMatchObject({
    experiments: [{ key: 'a', coverage: 1, arms: [{ share: 0.5 }, {}] }],
    notes: [],
  });
});

test('check looks up what arms name in the models folder', async () => {
  const value = payload({ 'watchnext.a': [experiment('a', { variations: [{}, { ranker: 'dmo' }] })] });
  await expect(run(checkCommand, file(value), '--models', 'models')).rejects.toMatchObject({
    code: 'experiments_invalid',
    problems: [{ message: 'there is no ranker dmo' }],
  });
  await expect(run(checkCommand, file(value), '--models', join(folder, 'none'))).rejects.toMatchObject({
    code: 'settings_invalid',
  });
});

test('check notes an arm whose version stands still while its ranker has deltas of the stream', async () => {
  const models = join(folder, 'models');
  const artifacts = openArtifacts(models);
  const { version } = await sealArtifact(sealing(models));
  await artifacts.activate('tiny', version);
  const value = payload({ 'watchnext.a': [experiment('a', { variations: [{}, { ranker: 'tiny', version }] })] });
  expect((await run(checkCommand, file(value), '--models', models)).err).toBe('');
  await publishLessons(artifacts, { base: version, lessons: lessonsOf(version), lists: [['i1']] });
  const { err } = await run(checkCommand, file(value), '--models', models);
  expect(err).toContain(`ranker tiny learns from the stream, and the pinned ${version} stays as it was sealed`);
});

test('assign prints the arms of a user as the service assigns them', async () => {
  const { assign } = await loadConfiguration(demo);
  const attributes = { device: 'phone' };
  for (const user of ['7', 'me', 'visitor-3']) {
    const { out } = await run(assignCommand, demo, '--user', user, '--attributes', '{"device": "phone"}', '--json');
    expect(JSON.parse(out)).toEqual({ user, ...assign({ userId: user, attributes }) });
  }
  const { out } = await run(assignCommand, demo, '--user', 'me');
  expect(out).toMatch(/satisfaction +1 +more +tester: in no report/);
  expect(out).toMatch(/short-lists +1 +not in it/);
});

test('assign refuses attributes that are no JSON object', async () => {
  const command = () =>
    assignCommand()
      .exitOverride()
      .configureOutput({ writeErr: () => {} });
  await expect(run(command, demo, '--user', '7', '--attributes', '[1]')).rejects.toThrow('must be a JSON object');
});
