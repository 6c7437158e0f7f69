import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  createWorld,
  examination,
  simulate,
  type Device,
  type Expectation,
  type Happening,
} from '../../training/dataset/index.js';
import { folderOf } from './builder.js';

const world = createWorld(11, { users: 300, requestsPerDay: 400 });
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Everything shown in some days, with what was to be expected and what came of it. */
const shownIn = (days: number) =>
  Array.from({ length: days * world.requestsPerDay }, (_, i) => {
    const request = world.request(Math.floor(i / world.requestsPerDay), i % world.requestsPerDay);
    const videos = world.shown(request);
    const truth = world.truth(request.person, videos, request.time);
    return world.outcomes(request, videos).map((happening, place) => ({
      ...{ happening, position: place + 1, device: request.device, video: videos[place]! },
      expected: truth[place]!,
    }));
  }).flat();
const rows = shownIn(4);

/** Mean of a 0/1 outcome over rows, and four standard errors of what was expected of them. */
const agree = (pairs: readonly { happened: number; expected: number }[]): void => {
  const [happened, expected] = [mean(pairs.map((pair) => pair.happened)), mean(pairs.map((pair) => pair.expected))];
  expect(Math.abs(happened - expected)).toBeLessThan(4 * Math.sqrt((expected * (1 - expected)) / pairs.length));
};

describe('the law', () => {
  test.each(['phone', 'desktop', 'tv'] as const)(
    'clicks on a %s are the truth times examination, at every position',
    (device: Device) => {
      for (const [low, high] of [
        [1, 1],
        [2, 4],
        [5, 10],
        [11, 20],
      ] as const) {
        agree(
          rows
            .filter((row) => row.device === device && row.position >= low && row.position <= high)
            .map(({ happening, expected, position }) => ({
              happened: Number(happening.clicked),
              expected: expected.click * examination(position, device),
            })),
        );
      }
    },
  );

  test.each([
    ['like', (h: Happening) => h.liked],
    ['dismiss', (h: Happening) => h.dismissed],
  ] as const)('%s at the first place happens as often as the truth says', (task, happened) => {
    const first = rows.filter(({ position }) => position === 1);
    agree(
      first.map(({ happening, expected }) => ({ happened: Number(happened(happening)), expected: expected[task] })),
    );
  });

  test('watch time and ratings have the expectation that the truth says', () => {
    const clicked = rows.filter(({ happening }) => happening.clicked);
    const ratio = mean(clicked.map(({ happening, expected }) => happening.watchSeconds / expected.watch));
    expect(ratio).toBeGreaterThan(0.97);
    expect(ratio).toBeLessThan(1.03);
    const rated = clicked.filter(({ happening }) => happening.rating !== undefined);
    expect(rated.length / clicked.length).toBeCloseTo(0.06, 1);
    expect(mean(rated.map(({ happening }) => happening.rating ?? 0))).toBeCloseTo(
      mean(rated.map(({ expected }) => expected.rating)),
      0,
    );
    for (const { happening } of rated) expect([1, 2, 3, 4, 5]).toContain(happening.rating);
  });

  test('nothing is watched, liked or rated without a click', () => {
    const odd = rows.filter(
      ({ happening: { clicked, watchSeconds, liked, rating } }) =>
        clicked !== watchSeconds > 0 || (!clicked && (liked || rating !== undefined)),
    );
    expect(odd).toEqual([]);
  });

  test('clickbait gets clicks and disappoints; quality satisfies', () => {
    const half = (of: 'clickbait' | 'quality', above: boolean, value: (expected: Expectation) => number): number =>
      mean(rows.filter(({ video }) => video[of] > 0 === above).map(({ expected }) => value(expected)));
    expect(half('clickbait', true, (e) => e.click)).toBeGreaterThan(1.3 * half('clickbait', false, (e) => e.click));
    expect(half('clickbait', true, (e) => e.rating)).toBeLessThan(half('clickbait', false, (e) => e.rating) - 0.3);
    expect(half('quality', true, (e) => e.rating)).toBeGreaterThan(half('quality', false, (e) => e.rating) + 0.5);
  });
});

describe('the world', () => {
  test('the log is biased: what is shown first would be clicked more than what is shown last', () => {
    const truth = (low: number, high: number): number =>
      mean(rows.filter(({ position }) => position >= low && position <= high).map(({ expected }) => expected.click));
    expect(truth(1, 3)).toBeGreaterThan(1.15 * truth(18, 20));
  });

  test('new videos come every day and are shown from then on', () => {
    const uploaded = new Set(world.videos(2).map(({ id }) => id));
    const times = rows.filter(({ video }) => uploaded.has(video.id));
    expect(times.length).toBeGreaterThan(100);
    const shownBefore = world.request(1, 0).pool.filter(({ id }) => uploaded.has(id));
    expect(shownBefore).toEqual([]);
    for (const { uploadedAt } of world.request(2, 5).pool) expect(uploadedAt).toBeLessThan(world.request(2, 5).time);
  });

  test('interests drift: a person’s order of the same videos changes from day to day and more over weeks', () => {
    const videos = world.videos(-1);
    const change = (days: number): number =>
      mean(
        world.people.slice(0, 100).map((person) => {
          const at = (day: number): number[] =>
            world.truth(person, videos, world.startMs + (30 + day) * 86_400_000).map(({ dismiss }) => dismiss);
          const [now, later] = [at(0), at(days)];
          return mean(now.map((value, i) => Math.abs(value - (later[i] ?? 0))));
        }),
      );
    expect(change(0)).toBe(0);
    expect(change(14)).toBeGreaterThan(1.8 * change(1));
  });

  test('is the same for one seed whatever is asked first, and another for another', () => {
    const again = createWorld(11, { users: 300, requestsPerDay: 400 });
    const late = again.request(3, 7);
    expect(again.outcomes(late, again.shown(late))).toEqual(world.outcomes(late, world.shown(late)));
    expect(again.request(0, 0)).toEqual(world.request(0, 0));
    expect(createWorld(12, { users: 300, requestsPerDay: 400 }).request(0, 0).pool).not.toEqual(
      world.request(0, 0).pool,
    );
  });
});

test('one seed writes the same bytes, and reports progress to the end', async () => {
  await using one = await folderOf({});
  await using two = await folderOf({});
  const progress: [number, number][] = [];
  const options = { seed: 3, days: 2, users: 20, requestsPerDay: 10 };
  const result = await simulate({
    ...options,
    directory: one.directory,
    onProgress: (...step) => void progress.push(step),
  });
  await simulate({ ...options, directory: two.directory });
  for (const file of ['impressions.csv', 'items.csv', 'users.csv']) {
    const text = await readFile(join(one.directory, file), 'utf8');
    expect(await readFile(join(two.directory, file), 'utf8')).toBe(text);
    expect(text.split('\n')).toHaveLength(
      2 + { 'impressions.csv': result.rows, 'items.csv': result.items, 'users.csv': result.users }[file]!,
    );
  }
  expect(progress.at(-1)).toEqual([20, 20]);
});

test('with sources and people who join, the log says who proposed what and knows everybody in it', async () => {
  await using folder = await folderOf({});
  const { users } = await simulate({
    directory: folder.directory,
    ...{ seed: 3, days: 2, users: 20, requestsPerDay: 40, newUsersPerDay: 6, sources: true },
  });
  const read = async (name: string): Promise<string[][]> =>
    (await readFile(join(folder.directory, name), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => line.split(','));
  const [head = [], ...shown] = await read('impressions.csv');
  expect(head.slice(-2)).toEqual(['source', 'nominator_score']);
  expect(new Set(shown.map((row) => row.at(-2)))).toEqual(new Set(['subscriptions', 'similar', 'trending', 'fresh']));
  for (const row of shown) expect(Number(row.at(-1))).not.toBeNaN();
  const known = new Set((await read('users.csv')).slice(1).map(([id]) => id));
  expect([users, known.size]).toEqual([32, 32]);
  const came = new Set(shown.map((row) => row[2]));
  expect([...came].filter((id) => !known.has(id))).toEqual([]);
  expect([...came].filter((id) => Number(id?.slice(1)) >= 20).length).toBeGreaterThan(0);
});
