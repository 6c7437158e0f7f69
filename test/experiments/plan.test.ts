import { describe, expect, test } from '@jest/globals';
import { openLogTables } from '../../training/dataset/index.js';
import {
  detectableOn,
  planExperiment,
  trafficOf,
  whenReached,
  type TrafficDay,
} from '../../training/experiments/index.js';
import { memoryLog } from '../join/memory-log.js';
import { dayMs, experimentEvents, metricsDefinition } from './experiment-log.js';

const spread = { mean: 50, deviation: 100, explained: 0 };
const even = { effect: 0.02, shares: [1, 1] };

describe('the size of an experiment', () => {
  test('is 2.8016² (sd / effect)² (1/s1 + 1/s2) for one look, and more for many', () => {
    const { plain, adjusted } = planExperiment(spread, even);
    expect(plain.fixed).toBe(Math.ceil(4 * (2.8015851 * (100 / (0.02 * 50))) ** 2));
    expect(plain.sequential).toBeGreaterThan(1.5 * plain.fixed);
    expect(adjusted).toBeUndefined();
  });
  test('shrinks by what the time before explains', () => {
    const { plain, adjusted } = planExperiment({ ...spread, explained: 0.36 }, even);
    expect(adjusted!.fixed / plain.fixed).toBeCloseTo(0.64, 4);
  });
  test('goes by the smallest arm and shares the error among several', () => {
    const two = planExperiment(spread, { ...even, shares: [80, 20] }).plain.fixed;
    const three = planExperiment(spread, { ...even, shares: [80, 10, 10] }).plain.fixed;
    // z of .975 and of .9875, with .8416 for the power.
    const users = (z: number, small: number): number => ((z + 0.8416212) * 100) ** 2 * (1 / 0.8 + 1 / small);
    expect(two / users(1.959964, 0.2)).toBeCloseTo(1, 4);
    expect(three / users(2.241403, 0.1)).toBeCloseTo(1, 4);
  });
  test('is refused where there is none, with every reason', () => {
    const refused = (over: object, options = even): unknown => {
      try {
        return planExperiment({ ...spread, ...over }, options);
      } catch (error) {
        return error;
      }
    };
    expect(refused({ mean: 0, deviation: 0 })).toMatchObject({ code: 'usage', problems: [{}, {}] });
    expect(refused({}, { ...even, effect: 0 })).toMatchObject({
      problems: [{ message: 'the effect must be above 0' }],
    });
  });
});

describe('when it is reached', () => {
  const day = (days: number, users: number, deviation = 100): TrafficDay => ({ ...spread, days, users, deviation });
  const way = { way: 'plain', looks: 'fixed' } as const;
  test('is the first day with enough users, as they vary by then', () => {
    const needed = planExperiment(spread, even).plain.fixed;
    const traffic = [day(1, needed / 2), day(2, needed - 1), day(3, needed + 5), day(4, 2 * needed)];
    expect(whenReached(traffic, even, way)).toEqual({ users: needed, days: 3 });
    // By the second day they vary less.
    expect(whenReached([day(1, needed / 2), day(2, needed - 1, 90)], even, way)).toMatchObject({ days: 2 });
  });
  test('or as users come at the pace of the last days, if they come', () => {
    const needed = planExperiment(spread, even).plain.fixed;
    const traffic = [day(1, needed - 3000), day(2, needed - 2000), day(3, needed - 1000)];
    expect(whenReached(traffic, even, way)).toEqual({ users: needed, days: 4 });
    expect(whenReached([day(1, 10), day(2, 10)], even, way)!.days).toBe(Infinity);
    expect(whenReached(traffic, even, { way: 'adjusted', looks: 'fixed' })).toBeUndefined();
  });
});

describe('traffic from a log', () => {
  const open = async (users: number) => {
    const log = memoryLog(2);
    await log.log(experimentEvents({ seed: 31, users, arms: { control: 1, same: 1 }, days: 8 }));
    return openLogTables({ log, threads: 1 });
  };
  const definition = metricsDefinition('  clicks: {of: click, take: count, direction: up}');

  test('counts users from their first list in the window on, and what they did since', async () => {
    const tables = await open(120);
    const windowMs = 3 * dayMs;
    const traffic = await trafficOf({ tables, definition, metric: 'clicks', windowMs });
    expect(traffic.map(({ days }) => days)).toEqual([1, 2, 3]);
    const [{ to } = { to: 0 }] = (await tables.query('SELECT max("time") + 1 AS "to" FROM lists')) as { to: number }[];
    for (const { days, users, mean, deviation } of traffic) {
      const until = to - windowMs + days * dayMs;
      // One row per user, without and with their clicks, as a spreadsheet would have it.
      const [plain] = await tables.query(
        `WITH seen AS (SELECT DISTINCT user_id FROM lists WHERE "time" >= ${to - windowMs} AND "time" < ${until}),
              done AS (SELECT f.user_id FROM feedback f JOIN lists l USING (request_id)
                       WHERE what = 'click' AND l."time" >= ${to - windowMs} AND f."time" < ${until})
         SELECT count(*)::DOUBLE AS users, avg(n) AS mean, stddev_samp(n) AS deviation
         FROM (SELECT s.user_id, count(d.user_id)::DOUBLE AS n FROM seen s LEFT JOIN done d USING (user_id) GROUP BY ALL)`,
      );
      expect({ users, mean, deviation }).toEqual({
        users: plain!['users'],
        mean: expect.closeTo(plain!['mean'] as number, 9),
        deviation: expect.closeTo(plain!['deviation'] as number, 9),
      });
    }
    // Tastes last, so the days before tell something of these.
    expect(traffic.at(-1)!.explained).toBeGreaterThan(0.05);
    expect(detectableOn(traffic[2]!, even)).toBeLessThan(detectableOn(traffic[0]!, even)!);
    await tables.close();
  });

  test('is refused for a metric that is not there and for a log without lists', async () => {
    const tables = await open(5);
    await expect(trafficOf({ tables, definition, metric: 'click' })).rejects.toMatchObject({
      code: 'usage',
      problems: [{ path: '--metric', hint: expect.stringContaining('clicks') }],
    });
    await tables.close();
    const empty = await openLogTables({ log: memoryLog(1), threads: 1 });
    await expect(trafficOf({ tables: empty, definition, metric: 'clicks' })).rejects.toMatchObject({
      code: 'data_missing',
    });
    await empty.close();
  });
});
