import { mkdir, readdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { openArtifacts, sealArtifact, type Artifacts, type ModelDelta } from '../../src/artifact/index.js';
import { decodeDelta, encodeDelta } from '../../src/artifact/delta.js';
import { WatchnextError } from '../../src/errors.js';
import { lessonsOf, publishLessons, servedRows, type Lessons } from './lessons.js';
import { inFolder, refusal, sealedAtMs, sealing, tinyModel } from './model.js';

const items = ['i1', 'i2', 'i3', 'unknown', 'never'];

interface Bench {
  readonly folder: string;
  readonly artifacts: Artifacts;
  readonly base: string;
  readonly lessons: Lessons;
  readonly chain: string;
}

/** A sealed version, active, and somebody who learns on. */
const bench = (run: (bench: Bench) => Promise<void>): Promise<void> =>
  inFolder(async (folder) => {
    const { version: base } = await sealArtifact(sealing(folder));
    const artifacts = openArtifacts(folder);
    await artifacts.activate('tiny', base);
    const chain = join(folder, 'tiny', 'deltas', base);
    await run({ folder, artifacts, base, lessons: lessonsOf(base), chain });
  });

describe('a version with deltas', () => {
  test('is what its trainer had at each of them', () =>
    bench(async ({ artifacts, base, lessons }) => {
      const states: number[][][] = [];
      const heads: number[][] = [];
      for (const list of [['i1'], ['i3', 'i3'], ['i2', 'never']]) {
        const delta = lessons.learn(await artifacts.endOfChain('tiny', base), list);
        expect(await artifacts.publishDelta(delta)).toBe(`${base}+${states.length + 1}`);
        states.push(servedRows(lessons.tables.get('item_id')!, items));
        heads.push([...delta.golden.heads]);
      }
      expect(await artifacts.deltas('tiny', base)).toEqual([1, 2, 3]);
      for (const n of [3, 1, 2]) {
        const loaded = await artifacts.load('tiny', `${base}+${n}`);
        expect(servedRows(loaded.tables.get('item_id')!, items)).toEqual(states[n - 1]);
        expect([...loaded.golden.heads]).toEqual(heads[n - 1]);
        expect(Buffer.from(loaded.graph).toString()).toBe(`graph ${n}`);
        expect([loaded.chain.sequence, loaded.manifest.version]).toEqual([n, base]);
      }
      const sealed = await artifacts.load('tiny', base);
      expect(servedRows(sealed.tables.get('item_id')!, items)).toEqual(
        servedRows(tinyModel().tables.get('item_id')!, items),
      );
      expect((await artifacts.load('tiny')).chain.sequence).toBe(0);
    }));

  test('keeps the graph of the last delta that has one', () =>
    bench(async ({ artifacts, base, lessons }) => {
      await publishLessons(artifacts, { base, lessons, lists: [['i1']] });
      const { graph, ...delta } = lessons.learn(await artifacts.endOfChain('tiny', base), ['i2']);
      expect(graph).toBeDefined();
      const loaded = await artifacts.load('tiny', await artifacts.publishDelta(delta));
      expect(Buffer.from(loaded.graph).toString()).toBe('graph 1');
    }));

  test.each(['+0', '+01', '+4', '+-1', '+1.5', '+99999999999', '+1+1', '+'])('is not found under %s', (suffix) =>
    bench(async ({ artifacts, base, lessons }) => {
      await publishLessons(artifacts, { base, lessons, lists: [['i1'], ['i2']] });
      expect(await refusal(() => artifacts.load('tiny', base + suffix))).toMatch(/^artifact_missing/);
      expect(await refusal(() => artifacts.activate('tiny', `${base}+1`))).toMatch(/^artifact_missing/);
    }),
  );

  test('goes on from the end of the chain, whoever opens the folder', () =>
    bench(async ({ folder, artifacts, base, lessons }) => {
      await publishLessons(artifacts, { base, lessons, lists: [['i1']] });
      const others = openArtifacts(folder);
      const end = await others.endOfChain('tiny', base);
      const start = { sequence: 0, hash: (await others.load('tiny', base)).chain.hash };
      expect(await others.nextDelta('tiny', base, start)).toMatchObject({ delta: { sequence: 1 }, hash: end.hash });
      await publishLessons(others, { base, lessons, lists: [['i2']] });
      expect(await artifacts.deltas('tiny', base)).toEqual([1, 2]);
    }));
});

describe('a delta is refused', () => {
  const wrong: [string, (delta: ModelDelta) => Partial<ModelDelta>, RegExp][] = [
    ['a gap', () => ({ sequence: 3 }), /sequence: is 3, the next of the chain is 2/],
    ['a place that is taken', () => ({ sequence: 1 }), /is 1, the next/],
    ['another past', () => ({ previous: '0'.repeat(64) }), /previous: is 0+, the chain ends with [0-9a-f]{64}/],
    ['an unknown table', ({ tables }) => ({ tables: new Map([['x', tables.get('item_id')!]]) }), /x: the base has no/],
    ['rows of another width', ({ tables }) => ({ tables: new Map([['user_id', tables.get('item_id')!]]) }), /4 wide/],
    [
      'a value that is not finite',
      ({ tables }) => {
        const changes = tables.get('item_id')!;
        return { tables: new Map([['item_id', { ...changes, values: changes.values.map(() => NaN) }]]) };
      },
      /item_id: a value is not finite/,
    ],
    [
      'a head that is not finite',
      ({ golden }) => ({ golden: { ...golden, heads: golden.heads.map((head, i) => (i === 3 ? Infinity : head)) } }),
      /a head is not finite/,
    ],
    ['other heads', ({ golden }) => ({ golden: { ...golden, heads: golden.heads.slice(1) } }), /one value per row/],
    ['too many times', ({ learned }) => ({ learned: { ...learned, feedbackTimes: new Float64Array(257) } }), /256/],
    ['no time', ({ learned }) => ({ learned: { ...learned, until: -Infinity } }), /learned: a number is not finite/],
  ];
  test.each(wrong)('for %s, and nothing is published', (_, change, why) =>
    bench(async ({ artifacts, base, lessons, chain }) => {
      await publishLessons(artifacts, { base, lessons, lists: [['i1']] });
      const delta = lessons.learn(await artifacts.endOfChain('tiny', base), ['i2']);
      const refused = await refusal(() => artifacts.publishDelta({ ...delta, ...change(delta) }));
      expect(refused).toMatch(/^delta_refused: /);
      expect(refused).toMatch(why);
      expect(await readdir(chain)).toEqual(['00000001.delta']);
    }),
  );

  test('with all reasons at once', () =>
    bench(async ({ artifacts, base, lessons }) => {
      const delta = lessons.learn({ sequence: 6, hash: 'x' }, ['i1']);
      const error: unknown = await artifacts.publishDelta(delta).catch((thrown: unknown) => thrown);
      expect((error as WatchnextError).problems.map(({ path }) => path)).toEqual(['sequence', 'previous']);
      expect((error as WatchnextError).message).toContain(`${base}+7 was refused`);
    }));

  test('where the chain is broken, and those before it still load', () =>
    bench(async ({ artifacts, base, lessons, chain }) => {
      await publishLessons(artifacts, { base, lessons, lists: [['i1'], ['i2'], ['i3']] });
      const file = (n: number): string => join(chain, `0000000${n}.delta`);
      const second = await readFile(file(2));
      const loading = (): Promise<string> => refusal(() => artifacts.load('tiny', `${base}+3`));

      await writeFile(
        file(2),
        Uint8Array.from(second, (byte, at) => (at === 200 ? byte ^ 1 : byte)),
      );
      expect(await loading()).toMatch(/^artifact_damaged: .*00000002.delta.*checksum/);
      await writeFile(file(2), await readFile(file(3)));
      expect(await loading()).toMatch(/^artifact_damaged: .*it belongs to tiny@.*\+3/);
      const { delta } = decodeDelta(second, 'second');
      await writeFile(file(2), encodeDelta({ ...delta, createdMs: 5, previous: 'f'.repeat(64) }));
      expect(await loading()).toMatch(/^delta_refused: .*\+2 was refused: previous/);
      await writeFile(file(2), encodeDelta({ ...delta, createdMs: 5 }));
      expect(await loading()).toMatch(/^delta_refused: .*\+3 was refused: previous/);
      await rm(file(2));
      expect(await loading()).toMatch(/^delta_refused: .*\+2 was refused: .* it is missing/);
      await symlink(file(1), file(2));
      expect(await loading()).toMatch(/^artifact_damaged: .*it is a link/);
      expect((await artifacts.load('tiny', `${base}+1`)).chain.sequence).toBe(1);
    }));
});

describe('the file of a delta', () => {
  const { golden } = tinyModel();
  const delta = lessonsOf('20260430T235959Z-ab12cd').learn({ sequence: 0, hash: 'ff' }, ['i1', 'i2'], { golden });
  const bytes = encodeDelta(delta);

  test('holds what was put in, whatever its place in memory', () => {
    const shifted = new Uint8Array(bytes.length + 3).subarray(3);
    shifted.set(bytes);
    const { graph, ...rest } = decodeDelta(shifted, 'delta').delta;
    const { graph: given, ...expected } = delta;
    expect(rest).toEqual(expected);
    expect(Buffer.from(graph!)).toEqual(given);
  });

  test('is refused whichever byte was changed, and wherever it was cut', () => {
    for (let at = 0; at < bytes.length; at += 3) {
      const damaged = Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ 0x20 : byte));
      expect(() => decodeDelta(damaged, 'delta')).toThrow(WatchnextError);
      expect(() => decodeDelta(bytes.subarray(0, at), 'delta')).toThrow(WatchnextError);
    }
    expect(() => decodeDelta(Buffer.concat([bytes, Buffer.alloc(1)]), 'delta')).toThrow('checksum');
  });
});

describe('the folder of a chain', () => {
  test('shows a delta only when it is whole, and old leftovers of killed writers go', () =>
    bench(async ({ artifacts, base, lessons, chain }) => {
      await publishLessons(artifacts, { base, lessons, lists: [['i1']] });
      for (const age of [10, 7200]) {
        const path = join(chain, `.writing-delta-${age}`);
        await writeFile(path, 'half');
        const then = 1_777_600_000 - age;
        await utimes(path, then, then);
      }
      expect(await artifacts.deltas('tiny', base)).toEqual([1]);
      await publishLessons(artifacts, { base, lessons, lists: [['i2']] });
      expect((await readdir(chain)).sort()).toEqual(['.writing-delta-10', '00000001.delta', '00000002.delta']);
    }));

  test('goes once its version is neither active nor among the last few before', () =>
    inFolder(async (folder) => {
      const artifacts = openArtifacts(folder);
      const versions: string[] = [];
      const chains = (): Promise<string[]> => readdir(join(folder, 'tiny', 'deltas'));
      for (let i = 0; i < 6; i += 1) {
        const { version } = await sealArtifact(sealing(folder, { graph: `g${i}`, nowMs: sealedAtMs + 60_000 * i }));
        await publishLessons(artifacts, { base: version, lessons: lessonsOf(version), lists: [['i1']] });
        await artifacts.activate('tiny', version);
        versions.push(version);
      }
      expect((await chains()).sort()).toEqual(versions.slice(2));
      await artifacts.rollback('tiny');
      const { version: next } = await sealArtifact(sealing(folder, { graph: 'x', nowMs: sealedAtMs + 600_000 }));
      await publishLessons(artifacts, { base: next, lessons: lessonsOf(next), lists: [['i1']] });
      // What is newer than the active version may be about to serve.
      expect((await chains()).sort()).toEqual([...versions.slice(2), next]);
      expect((await artifacts.load('tiny', `${versions[5]}+1`)).chain.sequence).toBe(1);
      // Somebody learns on from an old one.
      const old = versions[0]!;
      await publishLessons(artifacts, { base: old, lessons: lessonsOf(old), lists: [['i1'], ['i2']] });
      expect(await artifacts.deltas('tiny', old)).toEqual([1, 2]);
    }));

  test('is passed over when it is something else', () =>
    bench(async ({ folder, artifacts, base, chain }) => {
      await mkdir(join(folder, 'tiny', 'deltas'), { recursive: true });
      await writeFile(chain, 'no folder');
      expect(await artifacts.deltas('tiny', base)).toEqual([]);
      await rename(chain, `${chain}x`);
      expect((await artifacts.list())[0]).toMatchObject({ active: base, versions: [{ version: base }] });
    }));
});
