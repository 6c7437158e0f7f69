import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { examinationCommand } from '../../cli/examination.js';
import { openEmbeddedLog, recordOf } from '../../src/events/index.js';
import type { ExaminationReport } from '../../training/examination/index.js';
import { platformLog } from '../examination/events.js';
import { smallRanker } from '../fit/world.js';
import { sealFirst } from '../stream/loop.js';

const partitions = 2;
let folder = '';
let version = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'examination-test-'));
  version = await sealFirst(join(folder, 'models'), smallRanker());
  const log = await openEmbeddedLog({ directory: join(folder, 'log'), partitions, writes: ['events'] });
  await log.append(
    'events',
    [...platformLog({ requests: 1200 })].map((event) => recordOf(event)),
  );
  await log.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const ran = async (...words: string[]): Promise<string> => {
  let stdout = '';
  const out = jest.spyOn(process.stdout, 'write').mockImplementation((text) => (stdout += String(text)) !== '');
  const err = jest.spyOn(process.stderr, 'write').mockImplementation(() => true);
  const places = ['--models', join(folder, 'models'), '--log-directory', join(folder, 'log')];
  try {
    await examinationCommand().parseAsync([...places, ...words], { from: 'user' });
    return stdout;
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
};

test('people see a table per head, and what is missing', async () => {
  const text = await ran('small');
  expect(text).toMatch(/^1,200 requests, of which [56]\d\d drew a swap$/m);
  expect(text).toMatch(/^click\nposition +shown +by swaps +95 % +swaps +by tower +by lists +95 %$/m);
  expect(text).toMatch(
    /^ +3 +2,400 +0\.\d{3} +0\.\d{3} to \d\.\d{3} +\d+ +\d\.\d{3} +0\.\d{3} +0\.\d{3} to \d\.\d{3}$/m,
  );
  expect(text).toMatch(/^watch\nposition/m);
  expect(text).toMatch(/click: to know every position to 20 %, about [\d,]+ more requests/);
  expect(text).not.toContain('NaN');
});

test('other programs read the same as JSON, of the version and the part of the log that is named', async () => {
  const answer = JSON.parse(
    await ran(`small@${version}`, '--json', '--by', 'device', '--positions', '2', '--to', '2026-05-01T00:10'),
  ) as ExaminationReport & { version: string; statements: string[] };
  expect(answer.version).toBe(version);
  expect(answer.requests).toBe(600);
  expect(answer.heads.map(({ where }) => where?.value)).toEqual(['phone', 'phone', 'tv', 'tv']);
  expect(answer.heads[0]!.positions).toHaveLength(2);
  expect(answer.heads[0]!.positions[1]!.swaps!.requests).toBeGreaterThan(100);
});

test('the tower can be read without a log, and the curves be written', async () => {
  const file = join(folder, 'curves.svg');
  const text = await ran('small', '--log', 'off', '--out', file);
  expect(text).toMatch(/^position +by tower$/m);
  expect(text).toContain('No log was read');
  expect(await readFile(file, 'utf8')).toContain('<svg');
});

test('of the simulated platform the truth stands beside, by device', async () => {
  const text = await ran('small', '--by', 'device', '--simulated');
  expect(text).toMatch(/^click, device tv\nposition.* truth$/m);
  expect(text).toMatch(new RegExp(`^ +3 .* ${(3 ** -0.85).toFixed(3)}$`, 'm'));
  await expect(ran('small', '--simulated')).rejects.toMatchObject({ code: 'usage' });
});

test('a log that is not there is refused, and not made', async () => {
  const nowhere = join(folder, 'nowhere');
  await expect(ran('small', '--log-directory', nowhere)).rejects.toThrow(`There is no event log in ${nowhere}.`);
  expect(existsSync(nowhere)).toBe(false);
});

test('a feature that cannot be told apart by is refused with those that can', async () => {
  await expect(ran('small', '--by', 'devise')).rejects.toMatchObject({
    code: 'usage',
    problems: [{ path: '--by', hint: expect.stringContaining('device') as unknown }],
  });
});
