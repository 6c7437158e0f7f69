import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { makeTemporaryFolder } from '../../training/dataset/temporary-folder.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watchnext-temporary-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** What this process calls its own, in parts: the process, when it began, where its number counts, and what tells it from others. */
const ownName = async (): Promise<readonly [string, string, string, string]> => {
  const { path, remove } = await makeTemporaryFolder(folder);
  remove();
  const [, , pid = '', start = '', realm = '', rest = ''] = basename(path).split('-');
  return [pid, start, realm, rest];
};

/** A folder of that name, with something in it. */
const leave = async (...parts: readonly string[]): Promise<string> => {
  const name = ['watchnext-data', ...parts].join('-');
  await mkdir(join(folder, name));
  await writeFile(join(folder, name, 'log.duckdb'), 'rows');
  return name;
};

/** The number of a process that was there and is not any more. */
const deadPid = async (): Promise<string> => {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(child, 'exit');
  return String(child.pid);
};

describe('a temporary folder', () => {
  test('goes when it is removed', async () => {
    const { path, remove } = await makeTemporaryFolder(folder);
    expect(await readdir(folder)).toEqual([basename(path)]);
    remove();
    expect(await readdir(folder)).toEqual([]);
  });

  test('of a process that was killed goes when the next one is made', async () => {
    const [, start, realm] = await ownName();
    await leave(await deadPid(), start, realm, 'abc');
    (await makeTemporaryFolder(folder)).remove();
    expect(await readdir(folder)).toEqual([]);
  });

  test('of a process that was killed goes also where another one has its number now', async () => {
    const [pid, start, realm] = await ownName();
    if (start === '') return;
    await leave(pid, `${Number(start) - 1}`, realm, 'abc');
    (await makeTemporaryFolder(folder)).remove();
    expect(await readdir(folder)).toEqual([]);
  });

  test('of a living process stays, and so does what may live in another container or is named otherwise', async () => {
    const one = await makeTemporaryFolder(folder);
    const [, start, realm] = await ownName();
    const pid = await deadPid();
    const kept = [
      basename(one.path),
      await leave(
        pid,
        start,
        realm.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
        'abc',
      ),
      await leave(pid, 'of-somebody'),
    ];
    (await makeTemporaryFolder(folder)).remove();
    expect((await readdir(folder)).sort()).toEqual(kept.sort());
    one.remove();
  });

  test('is made, too, where what has such a name is no folder: what a link names stays', async () => {
    const [, start, realm] = await ownName();
    const elsewhere = await leave('elsewhere');
    const link = `watchnext-data-${await deadPid()}-${start}-${realm}-link`;
    await symlink(join(folder, elsewhere), join(folder, link));
    (await makeTemporaryFolder(folder)).remove();
    expect((await readdir(folder)).sort()).toEqual([elsewhere, link].sort());
    expect(await readdir(join(folder, elsewhere))).toEqual(['log.duckdb']);
  });

  const asRoot = process.getuid?.() === 0 ? test : test.skip;
  asRoot('of another user stays', async () => {
    const [, start, realm] = await ownName();
    const theirs = await leave(await deadPid(), start, realm, 'abc');
    await chown(join(folder, theirs), 12_345, 12_345);
    (await makeTemporaryFolder(folder)).remove();
    expect(await readdir(folder)).toEqual([theirs]);
  });
});
