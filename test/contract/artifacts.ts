import { describe, expect, test } from '@jest/globals';
import type { Artifacts } from '../../src/artifact/index.js';
import { refusal } from '../artifact/model.js';

export interface ArtifactsFixture {
  readonly artifacts: Artifacts;
  /** Seals a version of the ranker in the registry and answers its name; later calls give later versions. */
  readonly seal: (ranker: string) => Promise<string>;
  /** Seals a version outside the registry and answers its folder. */
  readonly sealElsewhere: (ranker: string) => Promise<string>;
}

/** What every registry of sealed versions promises, whatever it is kept in. */
export function artifactsContract(
  name: string,
  use: (run: (fixture: ArtifactsFixture) => Promise<void>) => Promise<void>,
): void {
  describe(`${name} as a registry of sealed versions`, () => {
    test('is empty at first, and says so when asked for something', () =>
      use(async ({ artifacts }) => {
        expect(await artifacts.list()).toEqual([]);
        expect(await refusal(() => artifacts.load('demo'))).toMatch(/^artifact_missing: .*there is none/);
        expect(await refusal(() => artifacts.rollback('demo'))).toMatch(/^artifact_missing/);
      }));

    test('lists rankers and versions in order, with what their manifests say', () =>
      use(async ({ artifacts, seal }) => {
        const versions = [await seal('news'), await seal('demo'), await seal('news')];
        const list = await artifacts.list();
        expect(list.map(({ ranker }) => ranker)).toEqual(['demo', 'news']);
        expect(list[1]?.versions.map(({ version }) => version)).toEqual([versions[0], versions[2]]);
        expect(list[1]?.versions[0]?.manifest?.metrics).toEqual({ click: { auc: 0.75 } });
        expect(list.map(({ active }) => active)).toEqual([undefined, undefined]);
      }));

    test('loads the version that is asked for, else the active one, else nothing', () =>
      use(async ({ artifacts, seal }) => {
        const [first, second] = [await seal('demo'), await seal('demo')];
        expect((await artifacts.load('demo', second)).manifest.version).toBe(second);
        expect(await refusal(() => artifacts.load('demo'))).toContain(`${first}, ${second}`);
        await artifacts.activate('demo', first);
        expect((await artifacts.load('demo')).manifest.version).toBe(first);
      }));

    test('names what exists when a ranker or version does not', () =>
      use(async ({ artifacts, seal }) => {
        const version = await seal('demo');
        const absent = '20200101T000000Z-000000';
        expect(await refusal(() => artifacts.load('other'))).toBe(
          'artifact_missing: There is no ranker other: there is demo.',
        );
        expect(await refusal(() => artifacts.load('demo', absent))).toContain(`there is ${version}`);
        expect(await refusal(() => artifacts.activate('demo', absent))).toContain('artifact_missing');
        expect((await artifacts.list())[0]?.active).toBeUndefined();
      }));

    test('rolls back through what was active, as far as it goes', () =>
      use(async ({ artifacts, seal }) => {
        const [a, b, c] = [await seal('demo'), await seal('demo'), await seal('demo')];
        for (const version of [a, b, c, c]) await artifacts.activate('demo', version);
        expect(await artifacts.rollback('demo')).toBe(b);
        expect((await artifacts.list())[0]).toMatchObject({ active: b, previous: [a] });
        expect(await artifacts.rollback('demo')).toBe(a);
        expect(await refusal(() => artifacts.rollback('demo'))).toContain('no earlier version');
        expect((await artifacts.load('demo')).manifest.version).toBe(a);
      }));

    test('ends with one of several simultaneous activations, all of them in the history', () =>
      use(async ({ artifacts, seal }) => {
        const versions = [await seal('demo'), await seal('demo'), await seal('demo'), await seal('demo')];
        await Promise.all(versions.map((version) => artifacts.activate('demo', version)));
        const [ranker] = await artifacts.list();
        expect([ranker?.active, ...(ranker?.previous ?? [])].sort()).toEqual([...versions].sort());
      }));

    test('publishes a version from elsewhere, once', () =>
      use(async ({ artifacts, sealElsewhere }) => {
        const folder = await sealElsewhere('demo');
        const published = await artifacts.publish(folder);
        expect(await artifacts.publish(folder)).toEqual(published);
        const loaded = await artifacts.load('demo', published.version);
        expect(Buffer.from(loaded.graph).toString()).toContain('graph');
        expect((await artifacts.list())[0]?.versions).toHaveLength(1);
      }));

    test.each(['../demo', 'a/b', '', '.', '..', 'x'.repeat(300), 'Demo', 'demo\0', '/etc', 'démo'])(
      'refuses %j as a name',
      (name) =>
        use(async ({ artifacts, seal }) => {
          const version = await seal('demo');
          await artifacts.activate('demo', version);
          for (const call of [
            () => artifacts.load(name),
            () => artifacts.load(name, version),
            () => artifacts.load('demo', name),
            () => artifacts.activate(name, version),
            () => artifacts.activate('demo', name),
            () => artifacts.rollback(name),
          ]) {
            expect(await refusal(call)).toMatch(/^artifact_missing: .*cannot be the name/);
          }
        }),
    );
  });
}
