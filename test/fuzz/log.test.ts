import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { encodeEvent, openEmbeddedLog } from '../../src/events/index.js';
import { SeededRandom } from '../../training/fit/random.js';
import { feedback, impression } from '../events/events.js';

const seed = 10;
const records = 1200;
const pageBytes = 4096;
let folder = '';
let sound = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fuzz-log-'));
  sound = join(folder, 'sound');
  const log = await openEmbeddedLog({ directory: sound, writes: ['events'] });
  for (let from = 0; from < records; from += 100) {
    const added = Array.from({ length: 100 }, (_, i) => ({
      partition: i % 4,
      time: from + i,
      value: encodeEvent(i % 2 === 0 ? impression() : feedback()),
    }));
    await log.append('events', added);
  }
  await log.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const dataOf = (directory: string): string => join(directory, 'events', 'data.mdb');

const copy = async (name: string): Promise<string> => {
  const directory = join(folder, name);
  await cp(sound, directory, { recursive: true });
  return directory;
};

const reader = [
  '--import',
  './test/typescript/register.js',
  '--disable-warning=ExperimentalWarning',
  'test/fuzz/log-reader.ts',
];

/** How reading each folder went; `died` where LMDB ended the process. */
const readAll = (directories: readonly string[]): string[] => {
  const outcomes: string[] = [];
  while (outcomes.length < directories.length) {
    const rest = directories.slice(outcomes.length);
    const { stdout, signal } = spawnSync(process.execPath, [...reader, ...rest], {
      timeout: 120_000,
      encoding: 'utf8',
    });
    outcomes.push(...stdout.split('\n').filter((line) => line !== ''));
    if (outcomes.length < directories.length) outcomes.push(`died ${signal ?? ''}`);
  }
  return outcomes;
};

describe('an embedded log', () => {
  test('with damaged pages is read with what is damaged named, or refused; no record is passed over in silence', async () => {
    const directories: string[] = [sound];
    for (let run = 0; run < 12; run++) {
      const random = new SeededRandom(seed, run);
      const directory = await copy(`damaged-${run}`);
      const bytes = await readFile(dataOf(directory));
      const page = 2 + random.below(bytes.length / pageBytes - 2);
      for (let times = 0; times < 8; times++)
        bytes[page * pageBytes + random.below(run % 2 === 0 ? 64 : pageBytes)] = random.below(256);
      await writeFile(dataOf(directory), bytes);
      directories.push(directory);
    }
    const [whole, ...others] = readAll(directories);
    expect(whole).toBe(`read ${records} 0`);
    // LMDB trusts the pages of its file: some damage ends the process, and a supervisor sees it.
    const allowed = new RegExp(`^(read ${records} \\d+|refused log_damaged|died SIG(SEGV|BUS|ABRT))$`);
    for (const outcome of others) expect(outcome).toMatch(allowed);
    expect(others.some((outcome) => outcome !== `read ${records} 0` && !outcome.startsWith('died'))).toBe(true);
  });

  test.each([0.05, 0.3, 0.5])('cut off after %d of its bytes is refused before it is opened', async (share) => {
    const directory = await copy(`cut-${share}`);
    const { length } = await readFile(dataOf(directory));
    await truncate(dataOf(directory), Math.floor(length * share));
    const opening = openEmbeddedLog({ directory }).then((log) => log.bounds('events').finally(() => log.close()));
    await expect(opening).rejects.toMatchObject({ code: 'log_damaged', message: expect.stringContaining('cut short') });
  });
});
