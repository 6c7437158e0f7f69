import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { openArtifacts, sealArtifact, type Manifest } from '../../src/artifact/index.js';
import { decodeDelta } from '../../src/artifact/delta.js';
import { decodeGolden, encodeGolden } from '../../src/artifact/golden.js';
import { parseManifest, sealManifest } from '../../src/artifact/manifest.js';
import { readPointer, writePointer } from '../../src/artifact/pointer.js';
import { openVersion, readFiles, readManifest } from '../../src/artifact/read.js';
import { EmbeddingTable, parseTable } from '../../src/embeddings/index.js';
import { createEncoder, restoreFeatureState } from '../../src/features/index.js';
import { SeededRandom } from '../../training/fit/random.js';
import { inFolder, sealing, tinyModel } from '../artifact/model.js';
import { bagsOf, keysOf } from '../embeddings/bags.js';
import { damaged, fuzzReader } from './damage.js';

const seed = 7;
const codes = ['artifact_damaged'] as const;

/** Of formats that end with the SHA-256 of all before it. */
const withHash = (bytes: Buffer): Buffer => {
  const body = bytes.subarray(0, Math.max(0, bytes.length - 32));
  return Buffer.concat([body, createHash('sha256').update(body).digest()]);
};

const taughtTable = (): EmbeddingTable => {
  const optimizer = { kind: 'lazy_adam', rate: 0.5 } as const;
  const table = new EmbeddingTable({ dim: 2, seed: 7, minCount: 2, optimizer });
  for (let times = 0; times < 3; times++) table.admit(keysOf(['a', 'b', 'c']), 1_700_000_000_000);
  table.accumulate({ ...bagsOf([['a', 'b']]), gradient: Float32Array.of(1, -1), stride: 2, offset: 0 });
  table.update(1);
  return table;
};

describe('a damaged file of a version is refused, or read where the damage does not show:', () => {
  test.each([true, false])('an embedding table (with training state: %s)', (training) => {
    const of = taughtTable().serialise({ training });
    const read = (bytes: Buffer): unknown => {
      const table = parseTable(bytes);
      table.pool({ ...bagsOf([['a', 'z']]), out: new Float32Array(table.dim), stride: table.dim, offset: 0 });
      return table.serialise();
    };
    expect(fuzzReader({ of, read, seed, runs: 100, codes }).refused).toBe(100);
    expect(fuzzReader({ of, read, seed, runs: 150, codes, reseal: withHash }).refused).toBeGreaterThan(20);
  });

  test('a delta', () => {
    const of = readFileSync(new URL('../golden/delta-v1.bin', import.meta.url));
    const read = (bytes: Buffer): unknown => decodeDelta(bytes, 'delta');
    expect(fuzzReader({ of, read, seed, runs: 100, codes }).refused).toBe(100);
    expect(fuzzReader({ of, read, seed, runs: 1000, codes, reseal: withHash }).refused).toBeGreaterThan(100);
  });

  test('golden rows', () => {
    fuzzReader({ of: encodeGolden(tinyModel().golden), read: decodeGolden, seed, runs: 1000, codes });
  });
});

describe('a version with a damaged file', () => {
  let manifest: Manifest;
  let files: Map<string, Buffer>;
  let manifestText: string;
  beforeAll(() =>
    inFolder(async (folder) => {
      const { version, folder: sealed } = await sealArtifact(sealing(folder));
      manifest = await readManifest(sealed, { version });
      files = await readFiles(sealed, manifest);
      manifestText = await readFile(join(sealed, 'manifest.json'), 'utf8');
    }),
  );

  /** As who serves it does, without the network. */
  const open = (path: string, bytes: Buffer): void => {
    const { definition, parameters, tables, state, golden } = openVersion(manifest, new Map([...files, [path, bytes]]));
    restoreFeatureState(definition, state);
    createEncoder({ definition, parameters, tables }).encode(golden.batch);
  };

  test.each(['features.json', 'state.bin', 'golden.bin', 'tables/user_id.bin'])(
    'whose checksum is right all the same: %s',
    (path) => {
      const reseal = path.startsWith('tables/') ? { reseal: withHash } : {};
      fuzzReader({ of: files.get(path)!, read: (bytes) => open(path, bytes), seed, runs: 400, codes, ...reseal });
    },
  );

  test('or a damaged manifest', () => {
    const of = Buffer.from(manifestText);
    const read = (bytes: Buffer): unknown => openVersion(parseManifest(bytes.toString('utf8'), 'manifest.json'), files);
    expect(fuzzReader({ of, read, seed, runs: 300, codes }).refused).toBe(300);
    const sealedAgain = (bytes: Buffer): Buffer => {
      try {
        const rest = JSON.parse(bytes.toString('utf8')) as Partial<Manifest>;
        delete rest.checksum;
        return Buffer.from(`${JSON.stringify(sealManifest(rest as Manifest), null, 2)}\n`);
      } catch {
        return bytes;
      }
    };
    const { read: passed } = fuzzReader({ of, read, seed, runs: 1500, codes, reseal: sealedAgain });
    expect(passed).toBeGreaterThan(5);
  });
});

test('whatever stands in a pointer, it names a version or is refused, and activating replaces it', () =>
  inFolder(async (folder) => {
    const { version } = await sealArtifact(sealing(folder));
    const path = join(folder, 'tiny', 'active');
    await writePointer(path, { version, previous: [version], through: { [version]: 3 } });
    const of = await readFile(path);
    for (let run = 0; run < 100; run++) {
      await writeFile(path, damaged(of, new SeededRandom(seed, run)));
      const read = await readPointer(path).catch((error: unknown) => error);
      if (read instanceof Error) expect(read).toMatchObject({ code: 'artifact_damaged' });
      else expect(read).toMatchObject({ version: expect.stringMatching(/^\d{8}T\d{6}Z-[0-9a-f]{6}$/) });
    }
    await openArtifacts(folder).activate('tiny', version);
    expect(await readPointer(path)).toMatchObject({ version });
    await mkdir(join(folder, 'tiny', 'deltas', version), { recursive: true });
    await writeFile(join(folder, 'tiny', 'deltas', version, '00000001.delta'), Buffer.alloc(100));
    expect((await openArtifacts(folder).list())[0]?.active).toBe(version);
  }));
