import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { thisProcess, type Holder } from '../../src/events/index.js';
import { takeLock } from '../../training/stream/lock.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const path = (): string => join(folder, 'ranker', 'learner.lock');
const held = async (holder: Holder, host = hostname()): Promise<void> => {
  const unlock = await takeLock(path(), 'films');
  await unlock();
  await writeFile(path(), JSON.stringify({ ...holder, host }));
};

describe('the lock of a learner', () => {
  test('is held by one at a time, who is named, and free again afterwards', async () => {
    const unlock = await takeLock(path(), 'films');
    const second = takeLock(path(), 'films');
    await expect(second).rejects.toMatchObject({ code: 'learning_stopped' });
    await expect(second).rejects.toThrow(`films is learned already, by process ${process.pid}`);
    await unlock();
    await (
      await takeLock(path(), 'films')
    )();
    expect(await readdir(join(folder, 'ranker'))).toEqual([]);
  });

  test('of a process that was killed holds nothing, also when its number is in use again', async () => {
    await held({ ...thisProcess, pid: 2 ** 22 + 17 });
    await (
      await takeLock(path(), 'films')
    )();
    await held({ ...thisProcess, start: 'long ago' });
    await (
      await takeLock(path(), 'films')
    )();
  });

  test('of another machine is believed for a minute after it was last touched', async () => {
    await held({ ...thisProcess, realm: 'another boot' }, 'elsewhere');
    await expect(takeLock(path(), 'films')).rejects.toThrow('on elsewhere');
    const old = new Date(Date.now() - 61_000);
    await utimes(path(), old, old);
    await (
      await takeLock(path(), 'films')
    )();
  });

  test('that cannot be read holds nothing', async () => {
    await held(thisProcess);
    await writeFile(path(), '');
    await (
      await takeLock(path(), 'films')
    )();
  });
});
