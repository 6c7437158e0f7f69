import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { runStudy, type Study, type StudySize } from '../../cli/study/index.js';

const size: StudySize = { worlds: 1, users: 1, requestsPerDay: 1, historyDays: 1, days: 1 };
const study = (name: string): Study => ({
  name,
  title: `About ${name}`,
  about: name,
  full: size,
  short: size,
  run: () =>
    Promise.resolve({
      found: {
        question: 'What if?',
        setting: {},
        arms: [],
        effects: [],
        claims: [],
        findings: [`${name} was found.`],
        tables: [{ title: 'More', markdown: '| a |\n| --- |' }],
      },
      plots: new Map([[`${name}-own.svg`, '<svg></svg>']]),
    }),
});

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'watchnext-studies-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const run = (name: string) =>
  runStudy({
    study: study(name),
    seed: 3,
    short: false,
    size,
    directory,
    command: `watchnext study ${name}`,
    order: ['first', 'second'],
  });
const read = (name: string): Promise<string> => readFile(join(directory, name), 'utf8');

test('a study leaves its report, pictures and numbers, and the index has every study of the folder in its place', async () => {
  const { file } = await run('second');
  expect(file).toBe(join(directory, 'second.md'));
  expect(await read('README.md')).not.toContain('first');
  await run('first');
  expect((await readdir(directory)).sort()).toEqual([
    'README.md',
    'first-own.svg',
    'first.json',
    'first.md',
    'second-own.svg',
    'second.json',
    'second.md',
  ]);
  const index = await read('README.md');
  expect(index.indexOf('first was found.')).toBeGreaterThan(0);
  expect(index.indexOf('second was found.')).toBeGreaterThan(index.indexOf('first was found.'));
  expect(await read('first.md')).toContain('![first-own.svg](first-own.svg)');
  const { result, run: where } = JSON.parse(await read('first.json')) as Awaited<ReturnType<typeof run>>;
  expect(result).toMatchObject({ study: 'first', seed: 3, findings: ['first was found.'] });
  // A report goes round: it says what ran it, and no path.
  expect(Object.keys(where).sort()).toEqual(['command', 'cores', 'cpu', 'node', 'seconds']);
});
