import { describe, expect, test } from '@jest/globals';
import type { RankerVersions, Sources } from '../../src/artifact/index.js';
import { WatchnextError } from '../../src/errors.js';
import { createRankers, type LiveRankers, type ServedModel } from '../../src/inference/index.js';
import { createMetrics, silentLogger, type Logger } from '../../src/telemetry/index.js';
import { modelOf, scorerOf } from '../ranking/shelf.js';

/** Rankers over versions v1 to v3, of which `bad` cannot be opened; `closed` says which were closed. */
const setup = (bad: readonly string[] = [], logger: Logger = silentLogger) => {
  const faults: Error[] = [];
  const clock = { now: 0 };
  const versions = ['v1', 'v2', 'v3'].map((version) => ({ version }));
  const pointer = { active: 'v1', previous: [] as string[] };
  const opened: string[] = [];
  const closed: string[] = [];
  const shelf = (): RankerVersions => ({ ranker: 'shelf', versions, ...pointer });
  /** Versions of it are sealed, none is active. */
  const attic: RankerVersions = { ranker: 'attic', versions, active: undefined, previous: [] };
  const open = (_: string, version: string): Promise<ServedModel> => {
    opened.push(version);
    const fault = faults.shift();
    if (fault !== undefined) return Promise.reject(fault);
    if (bad.includes(version)) return Promise.reject(new WatchnextError('artifact_damaged', `${version} is damaged`));
    const scorer = scorerOf(() => ({ heads: new Float32Array(0) }), version);
    const close = (): Promise<void> => Promise.resolve(void closed.push(version));
    return Promise.resolve({ ...modelOf({ scorer }), close });
  };
  const activate = (_: string, version: string): Promise<void> => {
    Object.assign(pointer, { active: version, previous: [pointer.active, ...pointer.previous] });
    return Promise.resolve();
  };
  const rollback = (): Promise<string> => {
    const [active = '', ...previous] = pointer.previous;
    Object.assign(pointer, { active, previous });
    return Promise.resolve(active);
  };
  const source = { list: () => Promise.resolve([attic, shelf()]), activate, rollback };
  const rankers = createRankers({
    source,
    open,
    folder: '/models',
    logger,
    metrics: createMetrics(),
    now: () => clock.now,
  });
  return { rankers, pointer, opened, closed, faults, clock };
};
const serving = (rankers: LiveRankers): Promise<string> =>
  rankers.use(undefined, (model) => Promise.resolve(model.version));

describe('rankers', () => {
  test('are ready once every active version serves', async () => {
    const { rankers } = setup();
    expect(rankers.ready).toBe(false);
    await expect(serving(rankers)).rejects.toMatchObject({ code: 'not_ready' });
    await rankers.refresh();
    expect(rankers.ready).toBe(true);
    expect(await serving(rankers)).toBe('v1');
  });

  test('do not wait for a ranker without an active version, listed or refused', async () => {
    const { rankers } = setup(['v2']);
    await rankers.refresh();
    await rankers.list();
    await expect(rankers.activate('attic', 'v2')).rejects.toMatchObject({ code: 'artifact_damaged' });
    expect(rankers.ready).toBe(true);
    expect(await serving(rankers)).toBe('v1');
    await expect(rankers.use('attic', () => Promise.resolve())).rejects.toMatchObject({ code: 'not_ready' });
  });

  test('tell by arm what the serving version learned, and nothing of the one before', async () => {
    const learned: Record<string, Sources> = {
      v1: { shelf: { rows: 9, arms: { 'net/old': 6, 'net/new': 3 } }, other: { rows: 2, arms: { 'net/new': 2 } } },
      v2: { shelf: { rows: 20, arms: { 'net/old': 20 } } },
    };
    const metrics = createMetrics();
    const none = (): Promise<never> => Promise.reject(new Error('nothing changes here'));
    const versions = ['v1', 'v2', 'v3'].map((version) => ({ version }));
    const pointer = { active: 'v1' };
    const rankers = createRankers({
      source: {
        list: () => Promise.resolve([{ ranker: 'shelf', versions, previous: [], ...pointer }]),
        activate: none,
        rollback: none,
      },
      open: (_, version) => {
        const scorer = scorerOf(() => ({ heads: new Float32Array(0) }), version);
        const sources = learned[version];
        return Promise.resolve({ ...modelOf({ scorer }), ...(sources && { sources }) });
      },
      folder: '/models',
      logger: silentLogger,
      metrics,
      now: () => 0,
    });
    const told = async (active: string): Promise<string[]> => {
      pointer.active = active;
      await rankers.refresh();
      return (await metrics.scrape()).split('\n').filter((line) => line.startsWith('watchnext_learned_rows{'));
    };
    const row = (arm: string, rows: number): string => `watchnext_learned_rows{ranker="shelf",arm="${arm}"} ${rows}`;
    expect(await told('v1')).toEqual([row('net/old', 6), row('net/new', 5)]);
    expect(await told('v2')).toEqual([row('net/old', 20)]);
    expect(await told('v3')).toEqual([]);
  });

  test('close a replaced version only when its last request is done', async () => {
    const { rankers, closed } = setup();
    await rankers.refresh();
    let finish = (): void => undefined;
    const slow = rankers.use('shelf', async (model) => {
      await new Promise<void>((resolve) => (finish = resolve));
      return model.version;
    });
    await rankers.activate('shelf', 'v2');
    expect(await serving(rankers)).toBe('v2');
    expect(closed).toEqual([]);
    finish();
    expect(await slow).toBe('v1');
    await rankers.close();
    expect(closed).toEqual(['v1', 'v2']);
  });

  test('move the pointer only when the version serves', async () => {
    const { rankers, pointer } = setup(['v2']);
    await rankers.refresh();
    await expect(rankers.activate('shelf', 'v2')).rejects.toMatchObject({ code: 'artifact_damaged' });
    expect(pointer.active).toBe('v1');
    expect((await rankers.list())[1]).toMatchObject({
      active: 'v1',
      refused: { version: 'v2', reason: 'v2 is damaged' },
    });
    await rankers.activate('shelf', 'v3');
    expect((await rankers.list())[1]?.refused).toBeUndefined();
  });

  test('try a refused version once, until another is meant to serve', async () => {
    const { rankers, pointer, opened } = setup(['v2']);
    await rankers.refresh();
    pointer.active = 'v2';
    for (let poll = 0; poll < 3; poll++) await rankers.refresh();
    expect(opened).toEqual(['v1', 'v2']);
    expect(await serving(rankers)).toBe('v1');
  });

  test('try a version again, after a while, that was refused for no fault of its own', async () => {
    const { rankers, opened, faults, clock } = setup();
    faults.push(new Error('the thread ended with code 1'), new WatchnextError('not_ready', 'No thread is running.'));
    for (const now of [0, 1000, 59_999, 60_000, 119_999, 120_000, 200_000]) {
      clock.now = now;
      await rankers.refresh();
    }
    expect(opened).toEqual(['v1', 'v1', 'v1']);
    expect(await serving(rankers)).toBe('v1');
    expect((await rankers.list())[1]?.refused).toBeUndefined();
  });

  test('go back along their history, and say when it ends', async () => {
    const { rankers } = setup();
    await rankers.refresh();
    await rankers.activate('shelf', 'v2');
    await rankers.activate('shelf', 'v3');
    expect((await rankers.rollback('shelf')).active).toBe('v2');
    expect((await rankers.rollback('shelf')).active).toBe('v1');
    expect(await serving(rankers)).toBe('v1');
  });

  test('keep serving when the source can no longer tell what is active, and log it once', async () => {
    const logged: string[] = [];
    const log = (_: object, message: string): void => void logged.push(message);
    const { rankers, pointer } = setup([], { ...silentLogger, error: log });
    await rankers.refresh();
    Object.assign(pointer, { active: undefined, problem: 'the pointer is damaged' });
    for (let poll = 0; poll < 3; poll++) await rankers.refresh();
    expect([rankers.ready, await serving(rankers)]).toEqual([true, 'v1']);
    expect(logged).toEqual(['the active version of a ranker cannot be told']);
  });

  test('log what a caller asked for in vain as a warning, what the folder says as an error', async () => {
    const logged: [string, object][] = [];
    const logger: Logger = {
      ...silentLogger,
      warn: (fields) => void logged.push(['warn', fields]),
      error: (fields) => void logged.push(['error', fields]),
    };
    const { rankers, pointer } = setup(['v2'], logger);
    await expect(rankers.activate('shelf', 'v2')).rejects.toMatchObject({ code: 'artifact_damaged' });
    pointer.active = 'v3';
    await rankers.refresh();
    pointer.active = 'v2';
    await rankers.refresh();
    expect(logged.map(([level]) => level)).toEqual(['warn', 'error']);
    expect(logged[0]?.[1]).toMatchObject({ version: 'v2', reason: 'v2 is damaged' });
    expect(logged[0]?.[1]).not.toHaveProperty('err');
  });

  test('make changes one at a time, in order', async () => {
    const { rankers } = setup();
    await rankers.refresh();
    await Promise.all(['v2', 'v3', 'v1', 'v2'].map((version) => rankers.activate('shelf', version)));
    expect(await serving(rankers)).toBe('v2');
  });

  test('refuse an unknown name with the nearest', async () => {
    const { rankers } = setup();
    await rankers.refresh();
    const unknown = { code: 'ranker_unknown', problems: [{ hint: expect.stringContaining('shelf') as unknown }] };
    await expect(rankers.use('shelv', () => Promise.resolve())).rejects.toMatchObject(unknown);
    await expect(rankers.activate('shelv', 'v1')).rejects.toMatchObject(unknown);
  });

  test('need a name where several are meant to serve, unless one is the default', async () => {
    const two = ['shelf', 'attic'].map((ranker): RankerVersions => ({
      ranker,
      versions: [{ version: 'v1' }],
      active: 'v1',
      previous: [],
    }));
    const none = (): Promise<never> => Promise.reject(new Error('nothing changes here'));
    const source = { list: () => Promise.resolve(two), activate: none, rollback: none };
    const scorer = scorerOf(() => ({ heads: new Float32Array(0) }), 'v1');
    const open = (ranker: string): Promise<ServedModel> => Promise.resolve({ ...modelOf({ scorer }), ranker });
    const options = { source, open, folder: '/models', logger: silentLogger, metrics: createMetrics(), now: () => 0 };
    const [unnamed, preset] = [createRankers(options), createRankers({ ...options, defaultRanker: 'attic' })];
    await Promise.all([unnamed.refresh(), preset.refresh()]);
    await expect(serving(unnamed)).rejects.toMatchObject({
      code: 'request_invalid',
      problems: [{ path: '/ranker', hint: 'one of shelf, attic' }],
    });
    expect(await preset.use(undefined, ({ ranker }) => Promise.resolve(ranker))).toBe('attic');
  });
});

describe('deltas', () => {
  /** Rankers that serve v1, whose next ones are what `nexts` answers, one after the other. */
  const following = (nexts: ((through?: number) => Promise<string | undefined>)[]) => {
    const opened: string[] = [];
    const pointer: { through?: number } = {};
    const model = (version: string): ServedModel => {
      const [base = '', sequence = '0'] = version.split('+');
      const scorer = scorerOf(() => ({ heads: new Float32Array(0) }), version);
      const facts = { base, createdMs: 0, learnedUntil: 0, feedbackTimes: new Float64Array(0) };
      const next = async (through?: number): Promise<ServedModel | undefined> => {
        const following = await nexts.shift()?.(through);
        return following === undefined ? undefined : model(following);
      };
      const served = { ...modelOf({ scorer }), next };
      return sequence === '0' ? served : { ...served, delta: { ...facts, sequence: Number(sequence) } };
    };
    const open = (_: string, version: string): Promise<ServedModel> => {
      opened.push(version);
      return Promise.resolve(model(version));
    };
    const none = (): Promise<never> => Promise.reject(new Error('nothing changes here'));
    const known = { ranker: 'shelf', versions: [{ version: 'v1' }], active: 'v1', previous: [] };
    const source = { list: () => Promise.resolve([{ ...known, ...pointer }]), activate: none, rollback: none };
    const metrics = createMetrics();
    const rankers = createRankers({ source, open, folder: '/', logger: silentLogger, metrics, now: () => 0 });
    return { rankers, opened, pointer };
  };

  test('that cannot be applied for a reason that may pass are tried again', async () => {
    const { rankers, opened } = following([
      () => Promise.resolve('v1+1'),
      () => Promise.reject(new Error('EMFILE: too many open files')),
      () => Promise.resolve(undefined),
      () => Promise.resolve('v1+4'),
    ]);
    const served: string[] = [];
    for (let poll = 0; poll < 4; poll++) {
      await rankers.refresh();
      served.push(await serving(rankers));
      expect((await rankers.list())[0]?.refused).toBeUndefined();
    }
    expect(served).toEqual(['v1+1', 'v1+1', 'v1+1', 'v1+4']);
    expect(opened).toEqual(['v1']);
  });

  test('are asked for as far as they may serve', async () => {
    const asked: (number | undefined)[] = [];
    const next = (through?: number): Promise<undefined> => Promise.resolve(void asked.push(through));
    const { rankers, pointer } = following([next, next]);
    await rankers.refresh();
    pointer.through = 3;
    await rankers.refresh();
    expect(asked).toEqual([undefined, 3]);
  });

  test('that served too far are taken back to where they may', async () => {
    const { rankers, opened, pointer } = following([() => Promise.resolve('v1+5')]);
    await rankers.refresh();
    pointer.through = 3;
    await rankers.refresh();
    expect(await serving(rankers)).toBe('v1+3');
    pointer.through = 0;
    await rankers.refresh();
    expect(await serving(rankers)).toBe('v1');
    expect(opened).toEqual(['v1', 'v1+3', 'v1']);
  });
});
