import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { openArtifacts } from '../../src/artifact/index.js';
import { loadRanker } from '../../src/definition/index.js';
import { startServer, type RunningServer } from '../../src/server.js';
import { readSettings } from '../../src/settings.js';
import { silentLogger } from '../../src/telemetry/index.js';
import { openDataset, simulate, type World } from '../../training/dataset/index.js';
import { evaluate } from '../../training/evaluate/index.js';
import {
  collectExamples,
  createOnnxEngine,
  exportSelfContained,
  sealRanker,
  trainRanker,
  verifySelfContained,
} from '../../training/fit/index.js';
import { SeededRandom } from '../../training/fit/random.js';

interface Ranked {
  readonly items: readonly {
    readonly id: string;
    readonly position: number;
    readonly score: number;
    readonly heads: Record<string, number>;
  }[];
}

const engine = (options: Parameters<typeof createOnnxEngine>[0]): ReturnType<typeof createOnnxEngine> =>
  createOnnxEngine({ ...options, threads: 1 });
const uniform = (random: SeededRandom): number => random.next() / 2 ** 32;

// Each trains a ranker: seconds on an idle machine, a minute on a busy one.
jest.setTimeout(300_000);

const dayMs = 86_400_000;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watchnext-journey-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Files to sealed, active version, by definition and SQL alone. */
const trainFolder = async (file: string, data: string, models: string): Promise<void> => {
  const ranker = await loadRanker(file);
  const dataset = await openDataset({
    definition: ranker.definition,
    sql: ranker.sql!,
    sqlFile: ranker.sqlFile,
    directory: data,
  });
  try {
    const examples = await collectExamples({ definition: ranker.definition, dataset });
    const trained = await trainRanker({ definition: ranker.definition, dataset, engine, examples });
    const { version } = await sealRanker({
      trained,
      directory: models,
      definitionText: ranker.text,
      sample: examples.sample,
      metrics: {},
    });
    await trained.close();
    await examples.close();
    await openArtifacts(models).activate(ranker.definition.name, version);
  } finally {
    await dataset.close();
  }
};

const serving = async <T>(models: string, work: (server: RunningServer) => Promise<T>): Promise<T> => {
  const settings = readSettings({}, { models, store: join(folder, 'store'), log: 'off', port: 0, device: 'cpu' });
  const server = await startServer(settings, { logger: silentLogger, signals: false });
  try {
    return await work(server);
  } finally {
    await server.close();
  }
};

const send = async (method: string, url: string, body: unknown): Promise<unknown> => {
  const response = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect({ status: response.status, body: await response.clone().json() }).toMatchObject({ status: 200 });
  return response.json();
};

/** How well scores order what is true, as a share of pairs. */
const agreement = (scores: readonly number[], truth: readonly number[]): number => {
  let right = 0;
  let pairs = 0;
  for (let i = 0; i < scores.length; i++)
    for (let j = 0; j < i; j++) {
      if (truth[i] === truth[j]) continue;
      pairs++;
      right += scores[i]! > scores[j]! === truth[i]! > truth[j]! ? 1 : 0;
    }
  return right / pairs;
};

describe('from logs to a ranked answer', () => {
  test('the simulated platform: what was learned orders candidates as the truth does', async () => {
    const data = join(folder, 'platform');
    const models = join(folder, 'models-demo');
    const { world } = await simulate({
      directory: data,
      seed: 3,
      days: 5,
      users: 150,
      requestsPerDay: 300,
      // The service ranks now, so the log ends last midnight.
      startMs: Math.floor(Date.now() / dayMs) * dayMs - 5 * dayMs,
    });
    await trainFolder('models/demo/ranker.yaml', data, models);
    const found = await serving(models, ({ url }) => agreementWithTruth(url, world));
    // 0.5 is chance, with a standard error of 0.01 over these requests.
    expect(found).toBeGreaterThan(0.6);
  });

  test('MovieLens files', async () => {
    const data = join(folder, 'movielens');
    const models = join(folder, 'models-movielens');
    await writeMovieLens(data);
    await trainFolder('examples/movielens/ranker.yaml', data, models);
    const answer = await serving(models, ({ url }) =>
      send('POST', `${url}/v1/rank`, {
        user: { id: 4 },
        candidates: [{ id: 1 }, { id: 2 }, { id: 3, genres: ['Drama'], year: 1999 }, { id: 'new' }],
      }),
    );
    const { items } = answer as Ranked;
    expect(items.map(({ position }) => position)).toEqual([1, 2, 3, 4]);
    for (const { heads } of items) {
      expect(heads['liked']).toBeGreaterThan(0);
      expect(heads['liked']).toBeLessThan(1);
      expect(heads['rating']).toBeGreaterThan(0);
    }
    const artifact = await openArtifacts(models).load('movielens');
    await verifySelfContained(artifact, exportSelfContained({ artifact }));
  });

  test('a census table with two labels and no users', async () => {
    const data = join(folder, 'census');
    const models = join(folder, 'models-census');
    await writeCensus(data);
    const { definition, sql, sqlFile } = await loadRanker('examples/census/ranker.yaml');
    const dataset = await openDataset({ definition, sql: sql!, sqlFile, directory: data });
    const until = dataset.span.first + 10_000 * 1000;
    const { tasks, baselines } = await evaluate({
      definition,
      dataset,
      engine,
      trainUntil: until,
      from: until,
      seeds: [1],
      baselines: ['constant'],
    });
    await dataset.close();
    expect(tasks['earns_more']!.values['auc']).toBeGreaterThan(0.7);
    expect(tasks['never_married']!.values['auc']).toBeGreaterThan(0.7);
    expect(baselines.constant!['earns_more']!.values['auc']).toBe(0.5);

    await trainFolder('examples/census/ranker.yaml', data, models);
    const person = {
      employer: 'Private',
      occupation: 'Sales',
      race: 'White',
      country: 'Cuba',
      sex: 'Male',
      capital_gain: 0,
      capital_loss: 0,
    };
    const { items } = (await serving(models, ({ url }) =>
      send('POST', `${url}/v1/rank`, {
        candidates: [
          { id: 'young', ...person, age: 20, hours: 20, education: 'HS-grad', school_years: 9 },
          { id: 'old', ...person, age: 50, hours: 60, education: 'Masters', school_years: 14 },
        ],
      }),
    )) as Ranked;
    expect(items[0]!.id).toBe('old');
    expect(items[1]!.heads['never_married']).toBeGreaterThan(items[0]!.heads['never_married']!);
  });
});

/** Mean agreement of scores with true watch value over tomorrow's requests. */
const agreementWithTruth = async (url: string, world: World): Promise<number> => {
  const entity = (id: string, fields: Readonly<Record<string, unknown>>): object => ({
    ...Object.fromEntries(
      Object.entries(fields)
        .filter(([name]) => name !== 'user_id' && name !== 'item_id')
        .map(([name, value]) => [name, value instanceof Float32Array ? [...value] : value]),
    ),
    id,
  });
  const videos = Array.from({ length: 13 }, (_, day) => world.videos(day - 7)).flat();
  await send(
    'PUT',
    `${url}/v1/items`,
    videos.map((video) => entity(video.id, world.itemFields(video))),
  );
  await send(
    'PUT',
    `${url}/v1/users`,
    world.people.map((person) => entity(person.id, world.userFields(person))),
  );
  const found: number[] = [];
  for (let index = 0; index < 60; index++) {
    const request = world.request(5, index);
    const candidates = request.pool.slice(0, 30);
    const { items } = (await send('POST', `${url}/v1/rank`, {
      user: { id: request.person.id },
      context: { device: request.device },
      candidates: candidates.map(({ id }) => ({ id })),
    })) as Ranked;
    const truth = world.truth(request.person, candidates, request.time);
    const likes = new Map(candidates.map(({ id }, i) => [id, truth[i]!.like]));
    found.push(
      agreement(
        items.map(({ score }) => score),
        items.map(({ id }) => likes.get(id)!),
      ),
    );
  }
  return found.reduce((sum, value) => sum + value, 0) / found.length;
};

const genres = ['Action', 'Comedy', 'Drama', 'Horror'];

/** Ratings of the published shape: users like one genre each. */
const writeMovieLens = async (directory: string): Promise<void> => {
  const random = new SeededRandom(5);
  const films = Array.from(
    { length: 80 },
    (_, i) => `${i + 1},Film ${i + 1} (${1950 + (i % 60)}),${genres[i % 4]!}|${genres[(i * 7) % 4]!}`,
  );
  const ratings = Array.from({ length: 3000 }, (_, i) => {
    const user = 1 + random.below(60);
    const film = random.below(80);
    const liked = uniform(random) < (film % 4 === user % 4 ? 0.8 : 0.25);
    return `${user},${film + 1},${liked ? 4.5 : 2.5},${1_100_000_000 + i * 600}`;
  });
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'movies.csv'), `movieId,title,genres\n${films.join('\n')}\n`);
  await writeFile(join(directory, 'ratings.csv'), `userId,movieId,rating,timestamp\n${ratings.join('\n')}\n`);
};

/** People of the published shape: income rises with schooling and hours, marriage with age. */
const writeCensus = async (directory: string): Promise<void> => {
  const random = new SeededRandom(6);
  const pick = (values: readonly string[]): string => values[random.below(values.length)]!;
  const people = Array.from({ length: 12_000 }, () => {
    const age = 17 + random.below(50);
    const years = 5 + random.below(11);
    const hours = 15 + random.below(50);
    const rich = uniform(random) < 1 / (1 + Math.exp(-(years - 10) * 0.6 - (hours - 40) * 0.08));
    const single = uniform(random) < 1 / (1 + Math.exp((age - 30) * 0.25));
    const schooling = years > 12 ? 'Masters' : 'HS-grad';
    const jobs = `${pick(['Private', 'State-gov', '?'])}, 1, ${schooling}, ${years}, ${single ? 'Never-married' : 'Divorced'}, ${pick(['Sales', 'Tech'])}`;
    return `${age}, ${jobs}, Husband, White, ${pick(['Male', 'Female'])}, 0, 0, ${hours}, ${pick(['Cuba', 'France'])}, ${rich ? '>50K' : '<=50K'}`.replace(
      /^(\d+), (\S+), 1,/,
      '$1, $2, 1,',
    );
  });
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'adult.data'), `${people.join('\n')}\n`);
};
