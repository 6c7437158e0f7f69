import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { WatchnextError } from '../../src/errors.js';
import { addKey, createKey, hashOf, parseKeys, readKeys, removeKey } from '../../src/security/index.js';
import { fileOf, keyOf } from './builders.js';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'watchnext-keys-'))));
afterAll(() => rm(folder, { recursive: true }));

const refusal = (text: string, file = 'keys.json'): WatchnextError => {
  try {
    parseKeys(text, file);
  } catch (error) {
    return error as WatchnextError;
  }
  throw new Error('it was taken');
};

describe('a key', () => {
  test('is 256 random bits behind an id, and only its hash is kept', () => {
    const { key, entry } = createKey({ name: 'web', roles: ['rank'] });
    const [prefix, id, secret = ''] = /^(wn)_([0-9a-f]{12})_(.+)$/.exec(key)!.slice(1);
    expect([prefix, id, Buffer.from(secret, 'base64url').length]).toEqual(['wn', entry.id, 32]);
    expect(entry.hash).toBe(`sha256:${createHash('sha256').update(key).digest('hex')}`);
    expect(JSON.stringify(entry)).not.toContain(secret);
    expect(createKey({ name: 'web', roles: ['rank'] }).key).not.toBe(key);
  });
});

describe('a keys file', () => {
  test('is JSON or YAML', () => {
    const { entry } = keyOf({ roles: ['rank', 'feedback'], expires: '2030-01-01', limits: { requestsPerSecond: 2.5 } });
    expect(parseKeys(JSON.stringify({ keys: [entry] }), 'k.json')).toEqual([entry]);
    const yaml = `# ours
keys:
  - {id: ${entry.id}, name: ${entry.name}, roles: [rank, feedback], hash: "${entry.hash}",
     expires: "2030-01-01", limits: {requestsPerSecond: 2.5}}
`;
    expect(parseKeys(yaml, 'k.yaml')).toEqual([entry]);
    expect(parseKeys('{"keys": []}', 'k.json')).toEqual([]);
  });

  test('is refused with all that is wrong, in words', () => {
    const { entry } = keyOf();
    const wrong = [
      { ...entry, id: 'x', roles: ['rank', 'root'] },
      { ...entry, name: 'a b', roles: [], limits: { concurrent: 0 } },
      { ...entry, hash: 'plain', expires: '2030-13-45', color: 'red' },
    ];
    expect(refusal(JSON.stringify({ keys: wrong })).problems.map(({ path }) => path)).toEqual(
      expect.arrayContaining([
        '/keys/0/id',
        '/keys/0/roles/1',
        '/keys/1/name',
        '/keys/1/roles',
        '/keys/1/limits/concurrent',
        '/keys/2/hash',
        '/keys/2',
      ]),
    );
    expect(refusal(JSON.stringify({ keys: [{ ...entry, expires: '2030-13-45' }] })).problems).toEqual([
      { path: '/keys/0/expires', message: 'is no time' },
    ]);
    expect(refusal(JSON.stringify({ keys: [entry, entry] })).problems[0]).toMatchObject({ path: '/keys/1/id' });
  });

  test('is never quoted: it may hold a key in the wrong place', () => {
    const { key } = keyOf();
    for (const text of [
      key,
      `{"keys": [{"${key}": 1}]}`,
      `{"keys": "${key}"}`,
      `{"keys": ${key}}`,
      JSON.stringify({ keys: [{ hash: key, name: key }] }),
    ])
      for (const file of ['k.json', 'k.yaml']) {
        const { message, problems } = refusal(text, file);
        expect(JSON.stringify({ message, problems })).not.toContain(key.slice(16));
      }
  });

  test('cannot reach into what objects inherit, and cannot swell', () => {
    const { entry } = keyOf();
    const evil = `{"keys": [${JSON.stringify(entry).slice(0, -1)}, "__proto__": {"admin": true}}], "__proto__": {"roles": ["admin"]}}`;
    expect(refusal(evil).code).toBe('keys_invalid');
    expect(refusal(evil, 'k.yaml').code).toBe('keys_invalid');
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 12; level++)
      bomb.push(
        `${'abcdefghijkl'[level]}: &${'abcdefghijkl'[level]} [${Array(9)
          .fill(`*${'abcdefghijkl'[level - 1]}`)
          .join()}]`,
      );
    expect(refusal(`${bomb.join('\n')}\nkeys: *l\n`, 'k.yaml').code).toBe('keys_invalid');
  });

  test('gets keys added and removed as a whole, and keeps its comments', async () => {
    const [one, two] = [keyOf(), keyOf({ limits: { concurrent: 3 } })];
    for (const name of ['new.json', 'new.yaml']) {
      const file = join(folder, name);
      await addKey(file, one.entry);
      await addKey(file, two.entry);
      expect(await readKeys(file)).toEqual([one.entry, two.entry]);
      await removeKey(file, one.entry.id);
      expect(await readKeys(file)).toEqual([two.entry]);
    }
    const commented = join(folder, 'commented.yaml');
    await writeFile(commented, '# who may\nkeys: []\n');
    await addKey(commented, one.entry);
    expect(await readFile(commented, 'utf8')).toMatch(/^# who may\nkeys:\n {2}- id: /);
    expect((await readdir(folder)).sort()).toEqual(['commented.yaml', 'new.json', 'new.yaml']);
  });

  test('that is broken is not written over', async () => {
    const file = join(folder, 'broken.json');
    await writeFile(file, '{"keys": [');
    await expect(addKey(file, keyOf().entry)).rejects.toMatchObject({ code: 'keys_invalid' });
    expect(await readFile(file, 'utf8')).toBe('{"keys": [');
    await rm(file);
  });

  test('holds hashes of whole keys', () => {
    const made = keyOf();
    expect(JSON.parse(fileOf(made))).toMatchObject({ keys: [{ hash: hashOf(made.key) }] });
  });
});

test('of keys that are added and revoked at once none is lost, and none stays', async () => {
  const file = join(folder, 'at-once.yaml');
  const entries = Array.from({ length: 12 }, (_, i) => keyOf({ id: String(i).padStart(12, '0') }).entry);
  await Promise.all(entries.map((entry) => addKey(file, entry)));
  const idsOf = async (): Promise<string[]> => (await readKeys(file)).map(({ id }) => id).sort();
  expect(await idsOf()).toEqual(entries.map(({ id }) => id));
  await Promise.all([...entries.slice(0, 6), ...entries.slice(0, 6)].map(({ id }) => removeKey(file, id)));
  expect(await idsOf()).toEqual(entries.slice(6).map(({ id }) => id));
});
