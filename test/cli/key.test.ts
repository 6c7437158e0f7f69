import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { keyCommand } from '../../cli/key.js';
import { hashOf, readKeys } from '../../src/security/index.js';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'watchnext-key-command-'))));
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => void jest.restoreAllMocks());

const now = Date.UTC(2026, 0, 1);
const run = async (...args: string[]): Promise<string> => {
  let printed = '';
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => (printed += String(text)) !== '');
  jest.spyOn(process.stderr, 'write').mockImplementation(() => true);
  jest.spyOn(process, 'exit').mockImplementation(() => {
    throw new Error('it would have ended');
  });
  await keyCommand(() => now)
    .exitOverride()
    .parseAsync(args, { from: 'user' });
  jest.restoreAllMocks();
  return printed;
};

test('a key is made, printed once, listed without its hash, and revoked', async () => {
  const file = join(folder, 'keys.yaml');
  const key = (
    await run(
      'create',
      '--name',
      'web',
      '--role',
      'feedback',
      '--role',
      'rank',
      '--expires',
      '90d',
      '--concurrent',
      '4',
      '--file',
      file,
    )
  ).trim();
  const [entry] = await readKeys(file);
  expect(entry).toEqual({
    id: key.slice(3, 15),
    name: 'web',
    roles: ['rank', 'feedback'],
    hash: hashOf(key),
    created: '2026-01-01T00:00:00Z',
    expires: '2026-04-01T00:00:00Z',
    limits: { concurrent: 4 },
  });
  expect(await readFile(file, 'utf8')).not.toContain(key.slice(16));
  const listed = await run('list', '--json', '--file', file);
  expect(JSON.parse(listed)).toMatchObject([{ id: entry!.id, roles: ['rank', 'feedback'], expired: false }]);
  expect(listed).not.toContain('sha256');
  expect(await run('revoke', 'web', '--file', file)).toBe(`Revoked ${entry!.id} (web).\n`);
  expect(await readKeys(file)).toEqual([]);
});

test('of two keys of one name the one to revoke is named by its id', async () => {
  const file = join(folder, 'two.json');
  for (const role of ['rank', 'admin']) await run('create', '--name', 'web', '--role', role, '--file', file);
  await expect(run('revoke', 'web', '--file', file)).rejects.toMatchObject({ code: 'usage' });
  const [first, second] = await readKeys(file);
  await run('revoke', first!.id, '--file', file);
  expect(await readKeys(file)).toEqual([second]);
});

test('what is no name, role or limit is refused, and no file is made', async () => {
  const file = join(folder, 'none.json');
  await expect(run('create', '--name', 'a b', '--role', 'rank', '--file', file)).rejects.toMatchObject({
    code: 'keys_invalid',
  });
  await expect(run('create', '--name', 'a', '--role', 'root', '--file', file)).rejects.toThrow();
  await expect(run('create', '--name', 'a', '--role', 'rank', '--burst', '3', '--file', file)).rejects.toMatchObject({
    code: 'usage',
  });
  await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' });
});
