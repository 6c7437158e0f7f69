import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { openArtifacts, sealArtifact, verifyGolden, type SealOptions } from '../../src/artifact/index.js';
import { fingerprint, parseDefinition } from '../../src/definition/index.js';
import { EmbeddingTable } from '../../src/embeddings/index.js';
import { definitionText, inFolder, refusal, requests, scoreOf, sealing, sealedAtMs } from './model.js';

const files = [
  'features.json',
  'golden.bin',
  'graph.onnx',
  'manifest.json',
  'report.md',
  'state.bin',
  'tables/item_id.bin',
  'tables/user_id.bin',
];

describe('a sealed version', () => {
  test('holds what was put in', () =>
    inFolder(async (folder) => {
      const options = sealing(folder);
      const { version, manifest } = await sealArtifact(options);
      expect(version).toMatch(/^20260430T235959Z-[0-9a-f]{6}$/);
      const loaded = await openArtifacts(folder).load('tiny', version);
      expect(loaded.manifest).toEqual(manifest);
      expect(loaded.definition).toEqual(parseDefinition(definitionText()));
      expect(loaded.parameters).toEqual(options.model.parameters);
      expect(Buffer.from(loaded.graph).toString()).toBe('graph');
      expect([...loaded.state]).toEqual([...options.model.state]);
      expect(loaded.golden.heads).toEqual(options.model.golden.heads);
      expect(loaded.golden.batch.rows).toBe(requests.flatMap(({ candidates }) => candidates).length);
      for (const [name, table] of options.model.tables) {
        expect(loaded.tables.get(name)?.contents()).toEqual(table.contents());
      }
      expect([...loaded.reports].map(([path, bytes]) => [path, Buffer.from(bytes).toString()])).toEqual([
        ['report.md', '# Report\n'],
      ]);
    }));

  test('says in its manifest where it comes from, and the size and hash of every file', () =>
    inFolder(async (folder) => {
      const { manifest, folder: path } = await sealArtifact(sealing(folder));
      expect(manifest).toMatchObject({
        ranker: 'tiny',
        created: '2026-04-30T23:59:59.000Z',
        fingerprint: fingerprint(parseDefinition(definitionText())),
        tasks: [
          { name: 'click', kind: 'binary' },
          { name: 'watch', kind: 'regression' },
        ],
        tables: [
          { name: 'user_id', dim: 4, rows: 1 },
          { name: 'item_id', dim: 3, rows: 3 },
        ],
      });
      const listed = ['manifest.json', ...manifest.files.map((file) => file.path)].sort();
      expect(listed).toEqual(files);
      expect((await readdir(path, { recursive: true })).filter((name) => name.includes('.')).sort()).toEqual(files);
    }));

  test('has another name when anything in it differs, and the same when nothing does', () =>
    inFolder(async (folder) => {
      const { version } = await sealArtifact(sealing(folder));
      const other = await sealArtifact(sealing(folder, { graph: 'another graph' }));
      expect(other.version.split('-')[0]).toBe(version.split('-')[0]);
      expect(other.version).not.toBe(version);
      const later = await sealArtifact(sealing(folder, { nowMs: sealedAtMs + 1000 }));
      expect(later.version.split('-')[1]).toBe(version.split('-')[1]);
    }));

  test('is never overwritten', () =>
    inFolder(async (folder) => {
      const { folder: path } = await sealArtifact(sealing(folder));
      const before = await readFile(join(path, 'manifest.json'), 'utf8');
      expect(await refusal(() => sealArtifact(sealing(folder)))).toMatch(/^artifact_exists/);
      expect(await readFile(join(path, 'manifest.json'), 'utf8')).toBe(before);
      expect(await readdir(join(folder, 'tiny'))).toHaveLength(1);
    }));

  test.each(files)('is refused with the name of %s when that is damaged, cut, longer or gone', (file) =>
    inFolder(async (folder) => {
      const { folder: path, version } = await sealArtifact(sealing(folder));
      const artifacts = openArtifacts(folder);
      const target = join(path, file);
      const sound = await readFile(target);
      const reason = (): Promise<string> => refusal(() => artifacts.load('tiny', version));
      for (let at = 0; at < sound.length; at += Math.max(1, Math.floor(sound.length / 40))) {
        const damaged = Buffer.from(sound);
        damaged[at] = (damaged[at] as number) ^ 0x04;
        await writeFile(target, damaged);
        expect(await reason()).toMatch(new RegExp(`^artifact_damaged: ${file}`));
      }
      await writeFile(target, sound);
      await truncate(target, sound.length - 1);
      expect(await reason()).toMatch(new RegExp(`^artifact_damaged: ${file}`));
      await writeFile(target, Buffer.concat([sound, Buffer.from('\n')]));
      expect(await reason()).toMatch(new RegExp(`^artifact_damaged: ${file}`));
      await rm(target);
      expect(await reason()).toMatch(new RegExp(`^artifact_damaged: ${file} was refused: it is missing`));
      expect((await artifacts.list())[0]?.versions[0]?.problem !== undefined).toBe(file === 'manifest.json');
    }),
  );

  test.each<[string, (options: SealOptions) => SealOptions, RegExp]>([
    [
      'a table is missing',
      (options) => ({ ...options, model: { ...options.model, tables: new Map() } }),
      /no table user_id of width 4/,
    ],
    [
      'a table has another width',
      ({ model, ...rest }) => ({
        ...rest,
        model: { ...model, tables: new Map([...model.tables, ['item_id', new EmbeddingTable({ dim: 9, seed: 1 })]]) },
      }),
      /no table item_id of width 3/,
    ],
    [
      'a golden value is not finite',
      ({ model, ...rest }) => ({
        ...rest,
        model: { ...model, golden: { ...model.golden, heads: model.golden.heads.map((x, i) => (i === 3 ? NaN : x)) } },
      }),
      /finite/,
    ],
    [
      'a report would leave the folder',
      (options) => ({ ...options, reports: new Map([['../x.md', '']]) }),
      /\.\.\/x\.md/,
    ],
    [
      'a report would replace the graph',
      (options) => ({ ...options, reports: new Map([['graph.onnx', '']]) }),
      /taken/,
    ],
    [
      'writing fails half way',
      (options) => ({
        ...options,
        reports: new Map([
          ['notes', ''],
          ['notes/more.md', ''],
        ]),
      }),
      /ENOTDIR|EEXIST/,
    ],
  ])('does not come to be when %s', (_, change, why) =>
    inFolder(async (folder) => {
      await expect(sealArtifact(change(sealing(folder)))).rejects.toThrow(why);
      expect(await openArtifacts(folder).list()).toEqual([]);
      expect(await readdir(join(folder, 'tiny')).catch(() => [])).toEqual([]);
    }),
  );
});

describe('golden rows', () => {
  const { golden } = sealing('').model;
  const tasks = ['click', 'watch'];
  const scoring =
    (change: (heads: Float32Array) => Float32Array): Parameters<typeof verifyGolden>[0]['score'] =>
    (batch) => ({ heads: change(scoreOf(batch).heads) });
  const check = (change: (heads: Float32Array) => Float32Array): Promise<string> =>
    refusal(() => verifyGolden({ golden, tasks, score: scoring(change) }));
  const at = (index: number, by: number): Promise<string> =>
    check((heads) => heads.map((value, i) => (i === index ? value + by : value)));

  test('are accepted within the tolerance: absolute up to one, relative beyond', async () => {
    expect(await check((heads) => heads)).toBe('accepted');
    expect(await at(2, 0.9e-5)).toBe('accepted');
    expect(await at(1, 2e-3)).toBe('accepted');
  });

  test('are refused beyond it, with the row, the head, what was expected and what came', async () => {
    expect(await at(2, 2e-5)).toMatch(/^artifact_damaged: .*row 1 head click: expected 0\.27\d*, got 0\.27/);
    expect(await at(5, 1)).toMatch(/row 2 head watch: expected 305, got 306/);
    expect(await at(0, NaN)).toMatch(/row 0 head click: expected 0.25, got NaN/);
    expect(await check((heads) => heads.subarray(1))).toMatch(/expected 6 values, got 5/);
    expect(await check((heads) => heads.map((x) => x + 1))).toContain('(and 5 more)');
  });
});

describe('what learning goes on from', () => {
  const training = new Map([
    ['dense.bin', Buffer.from('weights')],
    ['item_id.table', Buffer.from('rows and their state')],
  ]);
  const withTraining = (folder: string): SealOptions => {
    const options = sealing(folder);
    return { ...options, model: { ...options.model, training } };
  };

  test('is sealed beside what serves, and read only when asked for', () =>
    inFolder(async (folder) => {
      const { version, manifest } = await sealArtifact(withTraining(folder));
      expect(manifest.files.map(({ path }) => path)).toEqual(
        expect.arrayContaining(['training/dense.bin', 'training/item_id.table']),
      );
      const artifacts = openArtifacts(folder);
      const serving = await artifacts.load('tiny', version);
      expect(serving.training).toBeUndefined();
      expect([...serving.reports.keys()]).toEqual(['report.md']);
      const loaded = await artifacts.load('tiny', version, { training: true });
      expect([...(loaded.training ?? [])].map(([name, bytes]) => [name, Buffer.from(bytes).toString()])).toEqual([
        ['dense.bin', 'weights'],
        ['item_id.table', 'rows and their state'],
      ]);
    }));

  test('when damaged stops who would learn from it, not who serves', () =>
    inFolder(async (folder) => {
      const { version, folder: path } = await sealArtifact(withTraining(folder));
      await writeFile(join(path, 'training/dense.bin'), 'WEIGHTS');
      const artifacts = openArtifacts(folder);
      expect((await artifacts.load('tiny', version)).manifest.version).toBe(version);
      expect(await refusal(() => artifacts.load('tiny', version, { training: true }))).toMatch(
        /^artifact_damaged: training\/dense.bin/,
      );
    }));

  test('does not change the name: what is computed is the same', () =>
    inFolder(async (folder) => {
      const { version } = await sealArtifact(withTraining(folder));
      await rm(join(folder, 'tiny'), { recursive: true });
      expect((await sealArtifact(sealing(folder))).version).toBe(version);
    }));

  test('goes along when a version is published elsewhere', () =>
    inFolder(async (folder) => {
      const { folder: path, version } = await sealArtifact(withTraining(join(folder, 'here')));
      const there = openArtifacts(join(folder, 'there'));
      await there.publish(path);
      expect((await there.load('tiny', version, { training: true })).training?.size).toBe(2);
    }));

  test('the place in the event log is in the manifest', () =>
    inFolder(async (folder) => {
      const options = sealing(folder);
      const stream = { watermark: 1_700_000_000_123, offsets: [17, 0, 4] };
      const { version } = await sealArtifact({ ...options, facts: { ...options.facts, stream } });
      expect((await openArtifacts(folder).load('tiny', version)).manifest.stream).toEqual(stream);
    }));
});
