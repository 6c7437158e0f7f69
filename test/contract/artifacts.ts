import { describe, expect, test } from '@jest/globals';
import type { Artifacts } from '../../src/artifact/index.js';
import { lessonsOf, publishLessons } from '../artifact/lessons.js';
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
        expect(await refusal(() => artifacts.load('demo'))).toMatch(/^artifact_missing: .*no version was sealed here/);
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

    test('says where to look when there is nothing', () =>
      use(async ({ artifacts }) => {
        expect(await refusal(() => artifacts.load('demo'))).toBe(
          'artifact_missing: There is no ranker demo: no version was sealed here.',
        );
        await expect(artifacts.load('demo')).rejects.toMatchObject({
          problems: [{ hint: expect.stringContaining('--models') }],
        });
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

    test('adds deltas to a version one after the other, and loads it as it was after each', () =>
      use(async ({ artifacts, seal }) => {
        const base = await seal('demo');
        expect(await artifacts.deltas('demo', base)).toEqual([]);
        const learning = { ranker: 'demo', base, lessons: lessonsOf(base, 'demo'), lists: [['i1'], ['i2'], ['new']] };
        const names = await publishLessons(artifacts, learning);
        expect(names).toEqual([1, 2, 3].map((n) => `${base}+${n}`));
        expect(await artifacts.deltas('demo', base)).toEqual([1, 2, 3]);
        const sizes = [base, ...names].map(
          async (name) => (await artifacts.load('demo', name)).tables.get('item_id')?.size,
        );
        expect(await Promise.all(sizes)).toEqual([3, 3, 3, 4]);
        const end = await artifacts.endOfChain('demo', base);
        expect(await refusal(() => artifacts.nextDelta('demo', base, end))).toMatch(/^delta_refused.*missing/);
        expect(await refusal(() => artifacts.load('demo', `${base}+4`))).toMatch(/^artifact_missing.*\+3/);
      }));

    test('lets one of two that publish at the same time win', () =>
      use(async ({ artifacts, seal }) => {
        const base = await seal('demo');
        const end = await artifacts.endOfChain('demo', base);
        const deltas = [['i1'], ['i2']].map((items) => lessonsOf(base, 'demo').learn(end, items));
        const outcomes = await Promise.all(deltas.map((delta) => refusal(() => artifacts.publishDelta(delta))));
        expect(outcomes.map((outcome) => outcome.split(':')[0])).toEqual(['accepted', 'delta_refused']);
      }));

    test('withdraws deltas of the active version, with the reason, until it is activated again', () =>
      use(async ({ artifacts, seal }) => {
        const [a, b] = [await seal('demo'), await seal('demo')];
        const limit = async (): Promise<number | undefined> => (await artifacts.list())[0]?.through;
        expect(await refusal(() => artifacts.withdraw('demo', 0, 'bad'))).toMatch(/^artifact_missing.*no active/);
        await artifacts.activate('demo', a);
        expect(await limit()).toBeUndefined();
        await artifacts.withdraw('demo', 4, 'click is worse');
        expect(await limit()).toBe(4);
        expect((await artifacts.list())[0]?.refused).toMatchObject([{ candidate: `${a}+5`, reason: 'click is worse' }]);
        await artifacts.activate('demo', b);
        expect(await limit()).toBeUndefined();
        await artifacts.rollback('demo');
        expect(await limit()).toBe(4);
        await artifacts.activate('demo', a);
        expect([await limit(), (await artifacts.list())[0]?.previous]).toEqual([undefined, []]);
      }));

    test('keeps the last hundred refusals with their reasons', () =>
      use(async ({ artifacts, seal }) => {
        await seal('demo');
        for (let n = 0; n < 230; n += 1)
          await artifacts.refuse({ ranker: 'demo', candidate: `x+${n}`, reason: `line\n${n}` });
        const refused = (await artifacts.list())[0]?.refused ?? [];
        expect(refused).toHaveLength(100);
        expect(refused.at(-1)).toMatchObject({ candidate: 'x+229', reason: 'line\n229' });
        expect(Date.parse(refused[0]?.at ?? '')).toBeGreaterThan(0);
        const absent = { ranker: 'other', candidate: 'x', reason: 'y' };
        expect(await refusal(() => artifacts.refuse(absent))).toMatch(/^artifact_missing.*there is demo/);
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
            () => artifacts.deltas(name, version),
            () => artifacts.deltas('demo', name),
            () => artifacts.endOfChain('demo', name),
            () => artifacts.withdraw(name, 0, ''),
            () => artifacts.refuse({ ranker: name, candidate: version, reason: '' }),
          ]) {
            expect(await refusal(call)).toMatch(/^artifact_missing: .*cannot be the name/);
          }
        }),
    );
  });
}
