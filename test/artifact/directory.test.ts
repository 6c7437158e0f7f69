import { appendFile, mkdir, readdir, rename, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { openArtifacts, sealArtifact } from '../../src/artifact/index.js';
import { artifactsContract } from '../contract/artifacts.js';
import { inFolder, refusal, sealedAtMs, sealing } from './model.js';

artifactsContract('a directory', (run) =>
  inFolder((folder) =>
    inFolder(async (elsewhere) => {
      let sealed = 0;
      const seal = async (directory: string, name: string): Promise<{ version: string; folder: string }> =>
        sealArtifact(sealing(directory, { name, graph: `graph ${sealed}`, nowMs: sealedAtMs + 1000 * sealed++ }));
      await run({
        artifacts: openArtifacts(folder),
        seal: async (ranker) => (await seal(folder, ranker)).version,
        sealElsewhere: async (ranker) => (await seal(elsewhere, ranker)).folder,
      });
    }),
  ),
);

describe('a directory of versions', () => {
  test('shows a version only when it is whole, however often it is read while versions are sealed', () =>
    inFolder(async (folder) => {
      const artifacts = openArtifacts(folder);
      const seen = new Set<string>();
      const read = async (): Promise<void> => {
        for (const { ranker, versions } of await artifacts.list()) {
          for (const { version, problem } of versions) {
            expect(problem).toBeUndefined();
            seen.add((await artifacts.load(ranker, version)).manifest.version);
          }
        }
      };
      const seals = Array.from({ length: 8 }, (_, i) =>
        sealArtifact(sealing(folder, { graph: `g${i}`, nowMs: sealedAtMs + 1000 * i })),
      );
      for (let i = 0; i < 10; i += 1) await read();
      await Promise.all(seals);
      await read();
      expect(seen.size).toBe(8);
    }));

  test('always has one whole pointer while two registries activate', () =>
    inFolder(async (folder) => {
      const versions: string[] = [];
      for (const graph of ['a', 'b']) versions.push((await sealArtifact(sealing(folder, { graph }))).version);
      const writers = versions.map(async (version) => {
        const artifacts = openArtifacts(folder);
        for (let i = 0; i < 10; i += 1) await artifacts.activate('tiny', version);
      });
      const reader = openArtifacts(folder);
      const seen: (string | undefined)[] = [];
      for (let i = 0; i < 30; i += 1) seen.push((await reader.list())[0]?.active);
      await Promise.all(writers);
      expect(seen.every((active) => active === undefined || versions.includes(active))).toBe(true);
      expect(versions).toContain((await reader.load('tiny')).manifest.version);
    }));

  test('passes over what a killed writer left, and sealing removes it once it is old', () =>
    inFolder(async (folder) => {
      const ranker = join(folder, 'tiny');
      for (const name of ['.writing-version-old', '.writing-version-new']) {
        await mkdir(join(ranker, name, 'tables'), { recursive: true });
        await writeFile(join(ranker, name, 'graph.onnx'), 'half');
      }
      await utimes(join(ranker, '.writing-version-old'), sealedAtMs / 1000 - 7200, sealedAtMs / 1000 - 7200);
      await utimes(join(ranker, '.writing-version-new'), sealedAtMs / 1000 - 60, sealedAtMs / 1000 - 60);
      await writeFile(join(ranker, 'ranker.yaml'), 'name: tiny');
      expect(await openArtifacts(folder).list()).toEqual([]);
      const { version } = await sealArtifact(sealing(folder));
      expect((await readdir(ranker)).sort()).toEqual(['.writing-version-new', version, 'ranker.yaml']);
      expect((await openArtifacts(folder).list())[0]?.versions.map((entry) => entry.version)).toEqual([version]);
    }));

  test('does not follow links to rankers, versions or files', () =>
    inFolder((folder) =>
      inFolder(async (outside) => {
        const { version, folder: real } = await sealArtifact(sealing(folder));
        const artifacts = openArtifacts(folder);
        await symlink(join(folder, 'tiny'), join(folder, 'linked'));
        expect(await refusal(() => artifacts.load('linked', version))).toContain('there is tiny');
        await rename(join(real, 'tables'), join(outside, 'tables'));
        await symlink(join(outside, 'tables'), join(real, 'tables'));
        expect(await refusal(() => artifacts.load('tiny', version))).toMatch(
          /tables\/\w+.bin was refused: it is a link/,
        );
        await rename(real, join(outside, version));
        await symlink(join(outside, version), real);
        expect(await refusal(() => artifacts.load('tiny', version))).toContain('artifact_missing');
      }),
    ));

  test('says so when a pointer is damaged, shows the other rankers, and has it replaced by activating', () =>
    inFolder(async (folder) => {
      const { version } = await sealArtifact(sealing(folder));
      const one = await sealArtifact(sealing(folder, { name: 'other' }));
      const artifacts = openArtifacts(folder);
      const limited = (through: unknown): string => JSON.stringify({ version, previous: [], through });
      const limits = [{ [version]: -1 }, { [version]: 1.5 }, { '../x': 1 }, [7], 'all', null].map(limited);
      for (const text of ['', 'null', '{"version":"../x","previous":[]}', `{"version":"${version}"}`, ...limits]) {
        await writeFile(join(folder, 'tiny', 'active'), text);
        expect(await refusal(() => artifacts.load('tiny'))).toMatch(/artifact_damaged: .*active was refused/);
        const [other, tiny] = await artifacts.list();
        expect(other).toMatchObject({ ranker: 'other', versions: [{ version: one.version }] });
        expect(tiny?.problem).toMatch(/active was refused/);
        await artifacts.activate('tiny', version);
        expect((await artifacts.list())[1]).toMatchObject({ active: version, previous: [] });
        expect((await artifacts.list())[1]?.problem).toBeUndefined();
      }
    }));

  test('sees when a manifest that it has read is damaged afterwards', () =>
    inFolder(async (folder) => {
      const { version, folder: at } = await sealArtifact(sealing(folder));
      const artifacts = openArtifacts(folder);
      const listed = async (): Promise<unknown> => (await artifacts.list())[0]?.versions;
      for (let i = 0; i < 2; i += 1) expect(await listed()).toMatchObject([{ version, manifest: { version } }]);
      await appendFile(join(at, 'manifest.json'), ' ');
      expect(await listed()).toEqual([{ version, problem: expect.stringContaining('manifest.json was refused') }]);
    }));

  test('passes over lines among the refusals that it cannot read', () =>
    inFolder(async (folder) => {
      await sealArtifact(sealing(folder));
      const artifacts = openArtifacts(folder);
      await writeFile(join(folder, 'tiny', 'refused.jsonl'), '{"candidate":"a"}\nnull\n{"candid');
      await artifacts.refuse({ ranker: 'tiny', candidate: 'lost with the half line', reason: 'x' });
      await artifacts.refuse({ ranker: 'tiny', candidate: 'v', reason: 'AUC is lower' });
      expect((await artifacts.list())[0]?.refused).toMatchObject([{ candidate: 'v', reason: 'AUC is lower' }]);
    }));
});
