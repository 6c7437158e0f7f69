import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { clearStale, exclusively } from '../src/exclusive.js';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'watchnext-exclusive-'))));
afterAll(() => rm(folder, { recursive: true }));

test('work under one path is done one at a time, and another path waits for nobody', async () => {
  let [running, most, total] = [0, 0, 0];
  const work = async (): Promise<void> => {
    most = Math.max(most, ++running);
    const before = total;
    await sleep(2);
    total = before + 1;
    running--;
  };
  await Promise.all(Array.from({ length: 12 }, () => exclusively(join(folder, 'new', 'file'), work)));
  expect([most, total]).toEqual([1, 12]);
  const answer = await exclusively(join(folder, 'a'), () => exclusively(join(folder, 'b'), () => Promise.resolve(7)));
  expect(answer).toBe(7);
  expect(await readdir(join(folder, 'new'))).toEqual([]);
});

test('work that fails gives its turn back', async () => {
  const path = join(folder, 'failing');
  await expect(exclusively(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await exclusively(path, () => Promise.resolve('next'))).toBe('next');
});

test('what a killed process left behind holds up nobody', async () => {
  const path = join(folder, 'left');
  const longAgo = new Date(Date.now() - 60_000);
  await writeFile(`${path}.lock`, 'somebody');
  await utimes(`${path}.lock`, longAgo, longAgo);
  const done = await Promise.all([1, 2, 3].map((n) => exclusively(path, () => Promise.resolve(n))));
  expect(done).toEqual([1, 2, 3]);
});

test('a lock that somebody else cleared and took meanwhile is left to them', async () => {
  const held = join(folder, 'held');
  await mkdir(held);
  const lock = join(held, 'lock');
  await writeFile(lock, 'theirs');
  await clearStale(lock, async (path) => (await readFile(path, 'utf8')) !== 'theirs');
  expect([await readdir(held), await readFile(lock, 'utf8')]).toEqual([['lock'], 'theirs']);
  await clearStale(lock, () => Promise.resolve(true));
  expect(await readdir(held)).toEqual([]);
});

test('a folder that cannot be had is told, not waited for', async () => {
  await writeFile(join(folder, 'plain'), '');
  await expect(exclusively(join(folder, 'plain', 'file'), () => Promise.resolve())).rejects.toThrow();
});
