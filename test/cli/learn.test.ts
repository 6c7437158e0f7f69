import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, test } from '@jest/globals';
import { learnCommand } from '../../cli/learn.js';
import { changedParts, learnerRefusal, openLearnerLog, waitText } from '../../cli/learn/index.js';
import { parseDefinition } from '../../src/definition/index.js';
import { WatchnextError } from '../../src/errors.js';
import { decodeDeadLetter, openEmbeddedLog, type Topic } from '../../src/events/index.js';
import { readSettings } from '../../src/settings.js';
import { silentLogger } from '../../src/telemetry/index.js';

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
    message: 'Another learner of this ranker works on this embedded log.',
    problems: [{ message: 'is written by process 7', hint: expect.stringContaining('one learner') }],
  });
  const gap = new WatchnextError('log_gap', 'No record 9.', { problems: [{ path: 'events/0', message: 'ends' }] });
  expect(learnerRefusal(gap, 'm/.learner')).toMatchObject({
    message: 'No record 9.',
    problems: [{ path: 'events/0' }, { path: 'm/.learner', hint: expect.stringContaining('--checkpoints') }],
  });
  for (const other of [locked('events'), new Error('no')]) expect(learnerRefusal(other, '.learner')).toBe(other);
});

test('a ranker that there is not is refused before a folder is made for it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'watchnext-learn-'));
  const models = join(folder, 'models');
  try {
    await mkdir(join(models, 'clips'), { recursive: true });
    const called = learnCommand().parseAsync(['clisp', '--models', models, '--log-directory', join(folder, 'log')], {
      from: 'user',
    });
    await expect(called).rejects.toMatchObject({ code: 'artifact_missing' });
    expect([await readdir(folder), await readdir(models)]).toEqual([['models'], ['clips']]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Another process that writes dead letters, as a learner does. */
async function holderOf(directory: string): Promise<void> {
  const code = `
    const { openEmbeddedLog } = await import('./src/events/index.ts');
    await openEmbeddedLog({ directory: ${JSON.stringify(directory)}, partitions: 6, writes: ['dead-letters'] });
    process.stdout.write('held');
    setInterval(() => undefined, 1000);`;
  const child = spawn(
    process.execPath,
    [
      '--import',
      './test/typescript/register.js',
      '--disable-warning=ExperimentalWarning',
      '--input-type=module',
      '-e',
      code,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } },
  );
  children.push(child);
  await once(child.stdout, 'data');
}

test('a second learner on an embedded log keeps its dead letters beside its checkpoints, until the first is gone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'watchnext-learners-'));
  const directory = join(folder, 'log');
  const aside = join(folder, 'checkpoints', 'dead-letters');
  const settings = readSettings({}, { logDirectory: directory });
  const open = () => openLearnerLog(settings, { joins: true, aside, logger: silentLogger });
  const reasonsIn = async (where: string): Promise<string[]> => {
    const log = await openEmbeddedLog({ directory: where });
    const reader = await log.reader('dead-letters', { from: 'start' });
    const records = await reader.next({ most: 100, waitMs: 50 });
    await reader.close();
    await log.close();
    return records.map(({ value }) => decodeDeadLetter(value).reason);
  };
  const letter = (reason: string) => {
    const topic: Topic = 'events';
    return { time: 1, reason, topic, partition: 5, offset: 9, value: new Uint8Array(3) };
  };
  try {
    const service = await openEmbeddedLog({ directory, partitions: 6 });
    await service.append('events', [{ partition: 5, time: 1, value: new Uint8Array(3) }]);
    await holderOf(directory);
    const second = await open();
    expect(second.aside).toBe(aside);
    expect(await second.log.partitions('events')).toBe(6);
    await second.onDeadLetter!(letter('while the first runs'));
    await second.close();
    for (const child of children.splice(0)) {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
    const alone = await open();
    expect(alone.aside).toBeUndefined();
    await alone.onDeadLetter!(letter('after it ended'));
    await alone.onDeadLetter!({ ...letter('of a partition that dead-letters does not have'), partition: 99 });
    await alone.close();
    expect(await reasonsIn(aside)).toEqual(['while the first runs']);
    expect(await reasonsIn(directory)).toEqual(['of a partition that dead-letters does not have', 'after it ended']);
    const reading = await openLearnerLog(settings, { joins: false, aside, logger: silentLogger });
    expect(reading.onDeadLetter).toBeUndefined();
    await reading.close();
    await service.close();
  } finally {
    await rm(folder, { recursive: true });
  }
});
