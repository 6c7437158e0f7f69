import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openArtifacts } from '../../src/artifact/index.js';
import { decodeEvent, wholeImpression, type Exposure, type Impression } from '../../src/events/index.js';
import { compareReplay, replayImpression, type ReplayedModel } from '../../src/ranking/index.js';
import { startServer, type RunningServer } from '../../src/server.js';
import { readSettings, type Settings } from '../../src/settings.js';
import { silentLogger } from '../../src/telemetry/index.js';
import { readRecords } from '../contract/event-log.js';
import { experiment, payload } from '../experiments/builders.js';
import { logPlaces, type LogPlace } from '../faults/place.js';
import { sealShelf } from '../inference/shelf-model.js';
import { until } from '../until.js';

interface Ranked {
  readonly requestId: string;
  readonly version: string;
  readonly arms: Readonly<Record<string, string>>;
  readonly unassigned?: string;
  readonly weights: Readonly<Record<string, number>>;
  readonly items: readonly { readonly id: string }[];
  readonly exploration?: { readonly drawn: string };
}

const users = Array.from({ length: 30 }, (_, user) => `user-${user}`);
const byQuality = ['v4', 'v3', 'v2', 'v1'];
const meta = [{ key: 'control' }, { key: 'changed' }];
/** In the arm, what is watched less comes first; in most of its requests the order is varied. */
const upsideDown = { weights: { watch: -1 }, exploration: { share: 0.4, swaps: 0.4 } };
const weights = (phase: string, changed: object) =>
  experiment('weights', { phase, seed: `weights-${phase}`, meta, variations: [{}, changed] });

const places = await logPlaces();

describe.each(places)('experiments of a service with $name', (place: LogPlace) => {
  let folder: string;
  let models: string;
  let versions: { first: string; second: string };
  let settings: Settings;
  let server: RunningServer;

  const configure = (...rules: object[]): Promise<void> =>
    writeFile(
      join(folder, 'experiments.json'),
      JSON.stringify(payload(Object.fromEntries(rules.map((rule, each) => [`watchnext.${each}`, [rule]])))),
    );
  const start = (): Promise<RunningServer> => startServer(settings, { logger: silentLogger, signals: false });
  const get = async <T>(path: string): Promise<T> => (await (await fetch(server.url + path)).json()) as T;
  let asked = 0;
  /** How an order is varied is drawn from the request's id, which is the same in every run. */
  const rank = async (user: string | undefined, more: object = {}): Promise<Ranked> => {
    const candidates = [1, 2, 3, 4].map((quality) => ({ id: `v${quality}`, quality }));
    const body = { ...(user !== undefined && { user: { id: user, taste: 0.25 } }), candidates, limit: 3, ...more };
    const headers = { 'content-type': 'application/json', 'x-request-id': `asked-${asked++}` };
    const response = await fetch(`${server.url}/v1/rank`, { method: 'POST', headers, body: JSON.stringify(body) });
    return (await response.json()) as Ranked;
  };
  /** Everything that the log holds. */
  const logged = async (): Promise<(Exposure | Impression)[]> => {
    const log = await place.open(folder);
    const reader = await log.reader('events', { from: 'start' });
    const kept = (await log.bounds('events')).reduce((sum, { first, next }) => sum + next - first, 0);
    const events: (Exposure | Impression)[] = [];
    for (const { value } of await readRecords(reader, kept)) {
      const event = decodeEvent(value);
      if (event.kind === 'impression') events.push(wholeImpression(event));
      else if (event.kind === 'exposure') events.push(event);
    }
    await reader.close();
    await log.close();
    return events;
  };

  beforeAll(async () => {
    await place.start();
    folder = await mkdtemp(join(tmpdir(), 'watchnext-experiments-'));
    models = join(folder, 'models');
    const first = await sealShelf(models, { nowMs: Date.UTC(2026, 0, 1) });
    versions = { first, second: await sealShelf(models, { scale: 2, nowMs: Date.UTC(2026, 0, 2) }) };
    await openArtifacts(models).activate('shelf', first);
    await configure(weights('1', upsideDown));
    const camel = (flag: string): string =>
      flag.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const flags = place.flags(folder);
    const ofPlace = Object.fromEntries(
      flags.flatMap((flag, at) => (at % 2 === 0 ? [[camel(flag), flags[at + 1]] as const] : [])),
    );
    settings = readSettings(
      {},
      {
        ...{ models, port: 0, device: 'cpu', store: join(folder, 'store'), pollMs: 50, deadlineMs: 60_000 },
        ...{ experiments: join(folder, 'experiments.json'), experimentsPollMs: 50 },
        ...ofPlace,
      },
    );
    server = await start();
  }, 240_000);
  afterAll(async () => {
    await server.close();
    await place.stop();
    await rm(folder, { recursive: true });
  }, 240_000);

  const answers: Ranked[] = [];
  const armOf = new Map<string, string>();

  test('users fall into arms for good, and are answered as their arm says', async () => {
    for (const user of [...users, ...users]) {
      const answer = await rank(user);
      answers.push(answer);
      const arm = answer.arms['weights']!;
      expect(armOf.get(user) ?? arm).toBe(arm);
      armOf.set(user, arm);
      expect(answer.weights).toEqual({ click: 1, watch: arm === 'changed' ? -1 : 0.5 });
      expect(answer.exploration === undefined).toBe(arm === 'control');
      const order = arm === 'changed' ? [...byQuality].reverse() : byQuality;
      if ((answer.exploration?.drawn ?? 'greedy') === 'greedy')
        expect(answer.items.map(({ id }) => id)).toEqual(order.slice(0, 3));
    }
    const changed = users.filter((user) => armOf.get(user) === 'changed').length;
    expect(changed).toBeGreaterThan(5);
    expect(changed).toBeLessThan(25);
    expect(await rank(undefined)).toMatchObject({ arms: {}, unassigned: 'no_user' });
    expect(await rank('user-1', { weights: { click: 1 } })).toMatchObject({ arms: {}, unassigned: 'weights' });
    expect(await get('/v1/experiments')).toMatchObject({
      source: join(folder, 'experiments.json'),
      experiments: [{ key: 'weights', phase: '1', arms: ['control', 'changed'] }],
    });
  });

  test('another configuration applies while it serves, and loads the version that an arm names', async () => {
    const version = experiment('version', { meta, variations: [{}, { version: versions.second }] });
    await configure(weights('2', { weights: { watch: 0 } }), version);
    await until(async () => {
      const served = await Promise.all(users.map((user) => rank(user, { log: false })));
      return served.some((answer) => answer.version === versions.second);
    });
    for (const user of users) {
      const answer = await rank(user);
      answers.push(answer);
      const { weights: arm, version: which } = answer.arms;
      expect(answer.weights).toEqual({ click: 1, watch: arm === 'changed' ? 0 : 0.5 });
      expect(answer.version).toBe(which === 'changed' ? versions.second : versions.first);
      expect(answer.exploration).toBeUndefined();
    }
    const { rankers } = await get<{ rankers: readonly [object] }>('/v1/models');
    expect(rankers[0]).toMatchObject({ active: versions.first, pinned: [{ version: versions.second }] });
  });

  test('a file that is broken, or changes what runs, is refused with the reason, and nothing else changes', async () => {
    const before = await rank('user-3');
    const refusal = async (): Promise<string> => {
      const { refused } = await get<{ refused?: { problems: string[] } }>('/v1/experiments');
      return refused?.problems.join() ?? '';
    };
    await writeFile(settings.experiments!, '{"features": ');
    await until(async () => (await refusal()) !== '');
    await configure(weights('2', { weights: { watch: 0.1 } }));
    await until(async () => (await refusal()).includes('phase'));
    await configure(weights('3', { weights: { watch: 99, clik: 1 } }));
    await until(async () => (await refusal()).includes('clik'));
    const after = await rank('user-3');
    expect(after.arms).toEqual(before.arms);
    expect(after.weights).toEqual(before.weights);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain('watchnext_experiments_stale 1');
  });

  test('the log says once per phase who was exposed, over restarts, and of each answer how it came about', async () => {
    await configure(weights('2', { weights: { watch: 0 } }));
    await server.close();
    server = await start();
    for (const user of users) answers.push(await rank(user));
    await server.close();
    const events = await logged();
    server = await start();

    const exposures = events.filter((event) => event.kind === 'exposure');
    const told = exposures.map(({ userId, experiment: key, phase }) => `${userId} ${key} ${phase}`);
    expect(new Set(told).size).toBe(told.length);
    for (const phase of ['1', '2'])
      expect(told.filter((each) => each.endsWith(`weights ${phase}`))).toHaveLength(users.length);
    for (const { userId, experiment: key, arm, phase } of exposures)
      if (key === 'weights' && phase === '1') expect(arm).toBe(armOf.get(String(userId)));

    const impressions = new Map(
      events.flatMap((event) => (event.kind === 'impression' ? [[event.requestId, event] as const] : [])),
    );
    const artifacts = openArtifacts(models);
    const loaded = new Map<string, ReplayedModel>();
    let varied = 0;
    for (const { requestId, arms, weights: applied, items, exploration } of answers) {
      const impression = impressions.get(requestId)!;
      expect(impression).toMatchObject({ arms, weights: applied });
      expect(impression.items.map(({ id }) => id)).toEqual(items.map(({ id }) => id));
      expect(impression.exploration).toEqual(exploration);
      expect(impression.unshown?.ids.length).toBe(exploration === undefined ? undefined : 1);
      if (exploration === undefined || exploration.drawn === 'greedy') continue;
      varied++;
      const model = loaded.get(impression.version) ?? (await artifacts.load('shelf', impression.version));
      loaded.set(impression.version, model);
      const replay = await replayImpression(impression, model);
      expect(compareReplay(impression, replay)).toEqual({ unscored: false, differences: [], sameOrder: true });
    }
    expect(varied).toBeGreaterThan(5);
  }, 240_000);

  test('a file that is wrong at the start is said with all its problems, and nothing stays open', async () => {
    await server.close();
    await configure(weights('9', { weights: { clik: 1 }, limit: 0 }));
    await expect(start()).rejects.toMatchObject({ code: 'experiments_invalid', problems: expect.any(Array) });
    await configure(weights('9', { weights: { click: 0.5 } }));
    server = await start();
    expect((await rank('user-1')).arms).toHaveProperty('weights');
  }, 240_000);
});
