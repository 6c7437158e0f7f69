import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { openArtifacts, sealArtifact } from '../../src/artifact/index.js';
import { encodeGolden } from '../../src/artifact/golden.js';
import { contentHash, renderManifest, sealManifest, sha256, type Manifest } from '../../src/artifact/manifest.js';
import { versionName } from '../../src/artifact/names.js';
import { inFolder, refusal, sealing, tinyModel } from './model.js';
import { cpuTimeMs } from '../cpu-time.js';

interface Planted {
  /** Files that replace, or join, those that were sealed. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** A manifest that was changed; it is sealed again, so that its own checksum holds. */
  readonly manifest?: (manifest: Manifest) => Manifest;
  /** What is done to the folder at the end. */
  readonly then?: (folder: string) => Promise<unknown>;
}

/** A version that somebody made by hand: all checksums are right, what they cover is not. What loading it says. */
const loading = (planted: Planted): Promise<string> =>
  inFolder(async (directory) => {
    const sealed = await sealArtifact(sealing(directory));
    const files = Object.entries(planted.files ?? {});
    for (const [path, bytes] of files) {
      await mkdir(dirname(join(sealed.folder, path)), { recursive: true });
      await writeFile(join(sealed.folder, path), bytes);
    }
    const entries = files.map(([path, bytes]) => ({ path, bytes: Buffer.byteLength(bytes), sha256: sha256(bytes) }));
    const others = sealed.manifest.files.filter(({ path }) => !files.some(([name]) => name === path));
    const changed = { ...sealed.manifest, files: [...others, ...entries] };
    const rest: Partial<Manifest> & Omit<Manifest, 'checksum'> = { ...(planted.manifest?.(changed) ?? changed) };
    delete rest.checksum;
    const version = versionName(new Date(rest.created), contentHash(rest));
    await writeFile(join(sealed.folder, 'manifest.json'), renderManifest(sealManifest({ ...rest, version })));
    const folder = join(directory, 'tiny', version);
    if (folder !== sealed.folder) await rename(sealed.folder, folder);
    await planted.then?.(folder);
    return refusal(() => openArtifacts(directory).load('tiny', version));
  });
const listing = (path: string, bytes = 0): ((manifest: Manifest) => Manifest) => {
  const entry = { path, bytes, sha256: sha256('') };
  return (manifest) => ({ ...manifest, files: [...manifest.files.filter((file) => file.path !== path), entry] });
};

test('a version that was made like this and is right loads', async () => {
  expect(await loading({ files: { 'report.md': 'another' } })).toBe('accepted');
});

describe('a planted version is refused', () => {
  test.each([
    '../../../etc/passwd',
    '/etc/passwd',
    'tables/../../x',
    'a/b/c',
    '..',
    '.',
    '',
    '.hidden',
    'tables/.x',
    'a\\b',
    'a\0b',
    'x'.repeat(5000),
    'C:\\x',
    '%2e%2e/x',
    'tables//x',
  ])('that lists a file named %j', async (path) => {
    expect(await loading({ manifest: listing(path) })).toMatch(
      /^artifact_damaged: manifest.json was refused: it lists a file named/,
    );
  });

  test('that lists a file twice', async () => {
    const twice = (manifest: Manifest): Manifest => ({
      ...manifest,
      files: [...manifest.files, ...manifest.files.slice(0, 1)],
    });
    expect(await loading({ manifest: twice })).toContain('it lists a file twice');
  });

  test('that lists a million files, quickly', async () => {
    const { files } = (await inFolder((folder) => sealArtifact(sealing(folder)))).manifest;
    const entry = { bytes: 0, sha256: '' };
    const many = [...files, ...Array.from({ length: 10 ** 6 }, (_, i) => ({ path: `f${i}`, ...entry }))];
    const before = cpuTimeMs();
    expect(await loading({ manifest: (manifest) => ({ ...manifest, files: many }) })).toMatch(
      /artifact_damaged: manifest.json was refused/,
    );
    expect(cpuTimeMs() - before).toBeLessThan(20_000);
  });

  test.each(['manifest.json', 'graph.onnx', 'features.json', 'golden.bin', 'state.bin', 'report.md'])(
    'whose %s is a link, a folder or a pipe, without waiting for anybody',
    async (name) => {
      const replace = (make: (path: string) => unknown) => (folder: string) =>
        rm(join(folder, name)).then(() => make(join(folder, name)));
      expect(await loading({ then: replace((path) => symlink('/etc/hostname', path)) })).toMatch(
        /it is (a link|missing)/,
      );
      expect(await loading({ then: replace((path) => mkdir(path)) })).toContain('it is no file');
      expect(await loading({ then: replace((path) => execFileSync('mkfifo', [path])) })).toContain('it is no file');
    },
  );

  test('that says a file is huge, whether it is or not', async () => {
    expect(await loading({ manifest: listing('graph.onnx', 2 ** 50) })).toContain(
      'graph.onnx was refused: it holds 5 bytes, not',
    );
    // A file with a hole: it takes no place on the disk.
    for (const [name, bytes] of [
      ['graph.onnx', 2 ** 31],
      ['features.json', 2 ** 30],
      ['tables/item_id.bin', 2 ** 33],
    ] as const)
      expect(
        await loading({ manifest: listing(name, bytes), then: (folder) => truncate(join(folder, name), bytes) }),
      ).toContain(`${name} was refused: it holds ${bytes} bytes, more than`);
    expect(await loading({ then: (folder) => truncate(join(folder, 'manifest.json'), 2 ** 33) })).toContain(
      'more than 67108864',
    );
  });

  test('without golden rows: nothing would vouch for it', async () => {
    const { golden } = tinyModel();
    const columns = [...golden.batch.columns].map(([name, column]) => [
      name,
      column.type === 'numbers'
        ? { ...column, values: new Float32Array(0) }
        : { ...column, offsets: new Int32Array(1), keys: new Uint32Array(0) },
    ]) as [string, never][];
    const batch = { ...golden.batch, requests: 0, rows: 0, requestOf: new Int32Array(0), columns: new Map(columns) };
    const empty = Buffer.from(encodeGolden({ batch, heads: new Float32Array(0) }));
    expect(await loading({ files: { 'golden.bin': empty } })).toMatch(
      /golden.bin was refused: it (has no rows|does not have)/,
    );
  });

  test.each([
    ['no JSON', 'hello'],
    ['a list', '[]'],
    ['a text', '"features"'],
    ['no features', '{"version":1}'],
    ['features that are no object', '{"version":1,"features":[[]]}'],
    ['a feature that is no object', '{"version":1,"features":{"length":7}}'],
  ])('whose parameters are %s', async (_, text) => {
    expect(await loading({ files: { 'features.json': text } })).toMatch(/^artifact_damaged: features.json was refused/);
  });

  test('whose parameters reach for what objects inherit, or it changes nothing', async () => {
    const sealed = JSON.stringify(tinyModel().parameters);
    const before = Object.getOwnPropertyNames(Object.prototype).sort();
    for (const evil of [
      sealed.replace('{', '{"__proto__":{"polluted":[1]},'),
      sealed.replace('"features":{', '"features":{"__proto__":{"polluted":[1]},"constructor":{"prototype":[1]},'),
    ]) {
      expect(evil).not.toBe(sealed);
      expect(await loading({ files: { 'features.json': evil } })).toMatch(/^accepted$|^artifact_damaged/);
    }
    expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(before);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('whose definition is not that of its layout or fingerprint', async () => {
    const other = (manifest: Manifest): Manifest => {
      const text = manifest.definition.text.replace('dim: 4', 'dim: 100000');
      return { ...manifest, definition: { ...manifest.definition, text } };
    };
    expect(await loading({ manifest: other })).toMatch(/^artifact_damaged: manifest.json/);
  });
});

describe('what lies beside versions', () => {
  const beside = (name: string, make: (path: string) => unknown): Promise<string> =>
    inFolder(async (directory) => {
      const { version } = await sealArtifact(sealing(directory));
      await openArtifacts(directory).activate('tiny', version);
      const path = join(directory, 'tiny', name);
      await rm(path, { force: true });
      await mkdir(dirname(path), { recursive: true });
      await make(path);
      const [listed] = await openArtifacts(directory).list();
      return `${listed?.active ?? 'none'} ${listed?.problem ?? ''} ${listed?.refused?.length ?? 0}`;
    });

  test('a pointer that is a link, a pipe, huge, or names what is elsewhere points nowhere', async () => {
    expect(await beside('active', (path) => symlink('/etc/hostname', path))).toMatch(/^none .*it is a link/);
    expect(await beside('active', (path) => execFileSync('mkfifo', [path]))).toMatch(/^none .*it is no file/);
    expect(await beside('active', (path) => writeFile(path, '').then(() => truncate(path, 2 ** 33)))).toMatch(
      /^none .*more than 1048576/,
    );
    for (const version of ['../../x', '__proto__', '20260101T000000Z-abcdef/..', '', 7, null])
      expect(await beside('active', (path) => writeFile(path, JSON.stringify({ version, previous: [] })))).toMatch(
        /^none .*does not name a version/,
      );
    const through = '{"version":"20260101T000000Z-abcdef","previous":[],"through":{"__proto__":1}}';
    expect(await beside('active', (path) => writeFile(path, through))).toMatch(/^none .*does not name a version/);
  });

  test('refusals that are no file are none', async () => {
    expect(await beside('refused.jsonl', (path) => symlink('/etc/passwd', path))).toMatch(/ 0$/);
    expect(await beside('refused.jsonl', (path) => execFileSync('mkfifo', [path]))).toMatch(/ 0$/);
    expect(
      await beside('refused.jsonl', (path) => writeFile(path, '{"candidate":"a","reason":"b","at":"c"}\n')),
    ).toMatch(/ 1$/);
  });

  test('a delta that is a link, a pipe, a folder or huge is refused', () =>
    inFolder(async (directory) => {
      const { version } = await sealArtifact(sealing(directory));
      const path = join(directory, 'tiny', 'deltas', version, '00000001.delta');
      await mkdir(dirname(path), { recursive: true });
      const says = async (make: () => unknown): Promise<string> => {
        await make();
        const said = await refusal(() => openArtifacts(directory).load('tiny', `${version}+1`));
        await rm(path, { recursive: true });
        return said;
      };
      expect(await says(() => symlink('/etc/hostname', path))).toContain('it is a link');
      expect(await says(() => execFileSync('mkfifo', [path]))).toContain('it is no file');
      expect(await says(() => mkdir(path))).toContain('it is no file');
      expect(await says(() => writeFile(path, '').then(() => truncate(path, 2 ** 33)))).toContain(
        'more than 1073741824',
      );
      expect(await readFile(join(directory, 'tiny', version, 'report.md'), 'utf8')).toBe('# Report\n');
    }));
});
