import { describe, expect, test } from '@jest/globals';
import { WatchnextError } from '../../src/errors.js';
import { createRankers, type LiveRankers, type ServedModel } from '../../src/inference/index.js';
import { createMetrics, silentLogger } from '../../src/telemetry/index.js';
import { modelOf, scorerOf, shelf } from '../ranking/shelf.js';

interface Pinned {
  ranker?: string;
  version?: string;
}

/** Two rankers with versions v1 to v3, v1 active; those in `bad` cannot be opened. */
const setup = (bad: Set<string> = new Set()) => {
  const versions = ['v1', 'v2', 'v3'].map((version) => ({ version }));
  const pointer = { active: 'v1' };
  const pinned: Pinned[] = [];
  const clock = { now: 0 };
  const [opened, closed] = [[] as string[], [] as string[]];
  const nothing = (): Promise<never> => Promise.reject(new Error('nothing is activated here'));
  const metrics = createMetrics();
  const rankers = createRankers({
    source: {
      list: () =>
        Promise.resolve([
          { ranker: 'shelf', versions, active: pointer.active, previous: [] },
          { ranker: 'other', versions: [...versions, { version: 'only' }], active: 'v1', previous: [] },
        ]),
      activate: nothing,
      rollback: nothing,
    },
    open: (ranker, version): Promise<ServedModel> => {
      const name = `${ranker}@${version}`;
      opened.push(name);
      if (bad.has(name)) return Promise.reject(new WatchnextError('artifact_damaged', `${name} is damaged`));
      const scorer = scorerOf(() => ({ heads: new Float32Array(0) }), version);
      const definition = { ...shelf(), name: ranker };
      const close = (): Promise<void> => Promise.resolve(void closed.push(name));
      return Promise.resolve({ ...modelOf({ scorer, definition }), close });
    },
    folder: '/models',
    defaultRanker: 'shelf',
    pinned: () => pinned,
    logger: silentLogger,
    metrics,
    now: () => clock.now,
  });
  const pin = async (...wanted: Pinned[]): Promise<void> => {
    pinned.splice(0, pinned.length, ...wanted);
    await rankers.refresh();
  };
  return { rankers, pointer, clock, opened, closed, metrics, pin };
};
const answering = (rankers: LiveRankers, ranker?: string, version?: string): Promise<string> =>
  rankers.use(ranker, (model) => Promise.resolve(`${model.ranker}@${model.version}`), version);

describe('a version that an arm names', () => {
  test('serves beside the active one, from the next refresh on', async () => {
    const { rankers, pin, metrics } = setup();
    await pin();
    expect(rankers.definitionOf('shelf', 'v2')).toBeUndefined();
    await expect(answering(rankers, 'shelf', 'v2')).rejects.toMatchObject({ code: 'not_ready', message: /v2/ });
    await pin({ ranker: 'shelf', version: 'v2' });
    expect(await answering(rankers)).toBe('shelf@v1');
    expect(await answering(rankers, undefined, 'v2')).toBe('shelf@v2');
    expect(rankers.definitionOf(undefined, 'v2')).toMatchObject({ name: 'shelf' });
    expect((await rankers.list())[0]).toMatchObject({ active: 'v1', pinned: [{ version: 'v2' }] });
    expect(await metrics.scrape()).toContain('watchnext_pinned_versions{ranker="shelf",state="serves"} 1');
  });

  test('stays what it was when it becomes the active one, or another one does', async () => {
    const { rankers, pin, pointer, opened } = setup();
    await pin({ ranker: 'shelf', version: 'v2' });
    pointer.active = 'v2';
    await rankers.refresh();
    expect(opened.filter((name) => name === 'shelf@v2')).toHaveLength(2);
    pointer.active = 'v3';
    await rankers.refresh();
    expect([await answering(rankers), await answering(rankers, 'shelf', 'v2')]).toEqual(['shelf@v3', 'shelf@v2']);
  });

  test('is let go of when no arm names it, once its last request is done', async () => {
    const { rankers, pin, closed, metrics } = setup();
    await pin({ ranker: 'shelf', version: 'v2' }, { ranker: 'shelf', version: 'v3' });
    let finish = (): void => undefined;
    const slow = rankers.use('shelf', () => new Promise<void>((resolve) => (finish = resolve)), 'v2');
    await pin({ ranker: 'shelf', version: 'v3' });
    await expect(answering(rankers, 'shelf', 'v2')).rejects.toMatchObject({ code: 'not_ready' });
    expect(closed).toEqual([]);
    finish();
    await slow;
    await pin();
    await rankers.close();
    expect(closed.slice(0, 2)).toEqual(['shelf@v2', 'shelf@v3']);
    expect(await metrics.scrape()).toContain('watchnext_pinned_versions{ranker="shelf",state="serves"} 0');
  });

  test('without a ranker is that of every ranker that has it', async () => {
    const { rankers, pin } = setup();
    await pin({ version: 'v2' }, { version: 'only' }, { ranker: 'other' });
    expect(await answering(rankers, 'shelf', 'v2')).toBe('shelf@v2');
    expect(await answering(rankers, 'other', 'v2')).toBe('other@v2');
    expect(await answering(rankers, 'other', 'only')).toBe('other@only');
    expect(rankers.definitionOf('shelf', 'only')).toBeUndefined();
  });

  test('that cannot be loaded changes nothing else, and is tried again after a minute', async () => {
    const bad = new Set(['shelf@v2']);
    const { rankers, pin, clock, opened, metrics } = setup(bad);
    const wanted = [
      { ranker: 'shelf', version: 'v2' },
      { ranker: 'shelf', version: 'v3' },
    ];
    await pin(...wanted);
    await pin(...wanted);
    expect(rankers.ready).toBe(true);
    expect(await answering(rankers)).toBe('shelf@v1');
    expect(await answering(rankers, 'shelf', 'v3')).toBe('shelf@v3');
    expect(rankers.definitionOf('shelf', 'v2')).toBeUndefined();
    expect(opened.filter((name) => name === 'shelf@v2')).toHaveLength(1);
    expect((await rankers.list())[0]?.pinned).toMatchObject([
      { version: 'v2', refused: { code: 'artifact_damaged', reason: 'shelf@v2 is damaged' } },
      { version: 'v3' },
    ]);
    expect(await metrics.scrape()).toContain('watchnext_pinned_versions{ranker="shelf",state="refused"} 1');
    bad.clear();
    clock.now = 60_000;
    await pin(...wanted);
    expect(await answering(rankers, 'shelf', 'v2')).toBe('shelf@v2');
    expect((await rankers.list())[0]?.pinned?.[0]).not.toHaveProperty('refused');
  });
});

test('the catalogue of rankers is the source as it was found last', async () => {
  const { rankers } = setup();
  expect(rankers.catalogue.rankers()).toEqual([]);
  await rankers.refresh();
  expect(rankers.catalogue.rankers()).toEqual(['shelf', 'other']);
  expect(rankers.catalogue.versions('other')).toEqual(['v1', 'v2', 'v3', 'only']);
  expect(rankers.catalogue.versions('gone')).toEqual([]);
  expect(rankers.catalogue.definitionOf('shelf')?.name).toBe('shelf');
  expect(rankers.catalogue.definitionOf('gone')).toBeUndefined();
});
