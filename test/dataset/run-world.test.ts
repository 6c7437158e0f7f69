import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import {
  createWorld,
  runWorld,
  type RunWorldOptions,
  type Visit,
  type WorldFeedback,
  type WorldRankRequest,
  type WorldService,
} from '../../training/dataset/index.js';

const dayMs = 86_400_000;
const small = { seed: 3, users: 60, days: 2, requestsPerDay: 60, newUsersPerDay: 4, sources: true, roundMs: 900_000 };

interface Heard {
  readonly service: WorldService;
  readonly requests: WorldRankRequest[];
  readonly events: WorldFeedback[];
  readonly times: number[];
  readonly put: Map<string, number>;
  /** What was heard, one after the other. */
  readonly calls: string[];
  mostAtOnce: number;
}

/** Ranks by id, even users by the newest, odd ones by the oldest; takes its time, differently every time. */
const listener = (latency: (call: number) => number = () => 0): Heard => {
  let calls = 0;
  let atOnce = 0;
  const heard: Heard = {
    requests: [],
    events: [],
    times: [],
    put: new Map(),
    calls: [],
    mostAtOnce: 0,
    service: {
      say: (time) => {
        heard.times.push(time);
        heard.calls.push(`say ${time}`);
        return Promise.resolve();
      },
      put: (kind, entities) => {
        for (const { id } of entities) heard.put.set(`${kind} ${id}`, heard.times.at(-1) ?? NaN);
        return Promise.resolve();
      },
      rank: async (request) => {
        heard.requests.push(request);
        heard.calls.push(`rank ${request.time}`);
        heard.mostAtOnce = Math.max(heard.mostAtOnce, ++atOnce);
        const ms = latency(calls++);
        if (ms > 0) await sleep(ms);
        atOnce--;
        const arm = Number(request.user.id.slice(1)) % 2 === 0 ? 'new' : 'old';
        const ids = request.candidates.map(({ id }) => id).sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)));
        const items = (arm === 'new' ? ids.reverse() : ids).slice(0, request.limit).map((id) => ({ id }));
        return { requestId: request.requestId, version: 'v1', arms: { order: arm }, items };
      },
      feedback: (events) => {
        heard.events.push(...events);
        heard.calls.push(...events.map(({ time }) => `feedback ${time}`));
        return Promise.resolve({ duplicates: 0, refused: 0 });
      },
    },
  };
  return heard;
};

const sorted = (list: readonly object[]): string[] => list.map((each) => JSON.stringify(each)).sort();

describe('a world that visits a service', () => {
  test('does the same with one request at a time and with eight, however long answers take', async () => {
    const [one, eight] = [listener(), listener((call) => (call * 7919) % 5)];
    const visits: Visit[][] = [[], []];
    const first = await runWorld(one.service, { ...small, concurrency: 1, onVisit: (visit) => visits[0]!.push(visit) });
    const second = await runWorld(eight.service, {
      ...small,
      concurrency: 8,
      onVisit: (visit) => visits[1]!.push(visit),
    });
    expect(second).toEqual(first);
    expect(visits[1]).toEqual(visits[0]);
    expect(eight.events).toEqual(one.events);
    expect(sorted(eight.requests)).toEqual(sorted(one.requests));
    expect([one.mostAtOnce, eight.mostAtOnce > 3]).toEqual([1, true]);
    expect(new Set(one.events.map(({ id }) => id)).size).toBe(one.events.length);
    expect(first.feedback).toEqual({ sent: one.events.length, duplicates: 0, refused: 0 });
    expect(one.events.length).toBeGreaterThan(500);
  });

  test('another seed is another world', async () => {
    const [one, other] = [listener(), listener()];
    await runWorld(one.service, { ...small, days: 1 });
    await runWorld(other.service, { ...small, days: 1, seed: 4 });
    expect(sorted(other.events)).not.toEqual(sorted(one.events));
  });

  test('says the time before anything, and never sends what happened before a time that was said', async () => {
    const heard = listener();
    const { from, until } = await runWorld(heard.service, small);
    expect([from, until]).toEqual([Date.UTC(2026, 0, 5), Date.UTC(2026, 0, 7)]);
    expect(heard.times[0]).toBe(from);
    expect(heard.times).toEqual([...heard.times].sort((a, b) => a - b));
    expect(heard.times.at(-1)).toBe(until + 6 * 3_600_000);
    let said = -Infinity;
    for (const call of heard.calls) {
      const [what, time] = [call.split(' ')[0], Number(call.split(' ')[1])];
      if (what === 'say') said = time;
      else expect(time).toBeGreaterThanOrEqual(said);
    }
    const times = heard.events.map(({ time }) => time);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(Math.max(...times)).toBeLessThan(until + 6 * 3_600_000);
  });

  test('puts users and items before they are asked about, and nobody before they joined', async () => {
    const heard = listener();
    await runWorld(heard.service, small);
    const world = createWorld(small.seed, small);
    for (const { user, candidates, context, limit } of heard.requests) {
      expect(heard.put.has(`user ${user.id}`)).toBe(true);
      expect(candidates.filter(({ id }) => !heard.put.has(`item ${id}`))).toEqual([]);
      expect(candidates[0]?.fields).toEqual({ source: expect.any(String), nominator_score: expect.any(Number) });
      expect(['phone', 'desktop', 'tv']).toContain(context['device']);
      expect(limit).toBe(20);
    }
    for (const person of world.newcomers(1)) {
      const at = heard.put.get(`user ${person.id}`);
      // Put in the round before the one that they join in, or in it; those who join after the last visit never are.
      if (at !== undefined) expect(at).toBeGreaterThan((person.joinedAt ?? 0) - 6 * 3_600_000);
    }
    expect(heard.put.size).toBeGreaterThan(60 + 7 * 120 + 120);
  });

  test('knows the truth: by arm and day, what the world expects of every list that was shown', async () => {
    const heard = listener();
    const visits: Visit[] = [];
    const report = await runWorld(heard.service, { ...small, onVisit: (visit) => visits.push(visit) });
    const world = createWorld(small.seed, small);
    expect(report.total.visits).toBe(120);
    expect(report.days.map(({ day, visits: count }) => [day, count])).toEqual([
      [0, 60],
      [1, 60],
    ]);
    for (const arm of ['new', 'old'] as const) {
      // Worked out again from the requests alone.
      const mine = heard.requests.filter(({ user }) => Number(user.id.slice(1)) % 2 === (arm === 'new' ? 0 : 1));
      let [click, satisfaction] = [0, 0];
      for (const request of mine) {
        const [day = 0, index = 0] = request.requestId.replace('w3-r', '').split('_').map(Number);
        const asked = world.request(day, index);
        const order = [...asked.pool].sort((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)));
        const shown = (arm === 'new' ? order.reverse() : order).slice(0, 20);
        const truth = world.truth(asked.person, shown, asked.time);
        const decay = { phone: 0.55, desktop: 0.3, tv: 0.85 }[asked.device];
        truth.forEach((each, place) => {
          click += each.click * (place + 1) ** -decay;
          satisfaction += each.click * (place + 1) ** -decay * each.satisfaction;
        });
      }
      const truth = report.arms[`order/${arm}`]!;
      expect(truth.visits).toBe(mine.length);
      expect(truth.users).toBe(new Set(mine.map(({ user }) => user.id)).size);
      expect(truth.click).toBeCloseTo(click / mine.length, 9);
      expect(truth.satisfaction).toBeCloseTo(satisfaction / mine.length, 9);
    }
    const liked = visits.flatMap(({ shown }) => shown).filter(({ happened }) => happened.liked).length;
    expect(report.total.happened.like).toBeCloseTo(liked / 120, 12);
    expect(Object.keys(report.arms)).toEqual(['order/new', 'order/old']);
  });

  test('goes on where it was left, as if it had never stopped', async () => {
    const [whole, halves] = [listener(), listener()];
    const at = { tailMs: 0 };
    const all = await runWorld(whole.service, { ...small, ...at });
    const before = await runWorld(halves.service, { ...small, ...at, days: 1 });
    const after = await runWorld(halves.service, { ...small, ...at, days: 1, firstDay: 1 });
    expect([...before.days, ...after.days]).toEqual(all.days);
    expect(sorted(halves.requests)).toEqual(sorted(whole.requests));
    expect(after.from).toBe(before.until);
    // What was not told yet when the first half ended is all that is missing.
    const missing = new Set(sorted(halves.events));
    const late = whole.events.filter((event) => !missing.has(JSON.stringify(event)));
    for (const { requestId, time } of late) {
      expect(requestId).toMatch(/^w3-r0_/);
      expect(time).toBeGreaterThanOrEqual(before.until);
    }
  });

  test('lets a study do its own work in every round, after the time was said and before anybody comes', async () => {
    const heard = listener();
    const rounds: number[] = [];
    await runWorld(heard.service, {
      ...small,
      onRound: async (time) => {
        await sleep(1);
        expect(heard.calls.at(-1)).toBe(`say ${time}`);
        rounds.push(time);
      },
    });
    expect(rounds).toEqual(heard.times.slice(1, -1));
  });

  test('ends after the round under way when it is told to', async () => {
    const heard = listener();
    const stop = new AbortController();
    const options: RunWorldOptions = {
      ...small,
      signal: stop.signal,
      onProgress: (done) => {
        if (done === 30) stop.abort();
      },
    };
    const report = await runWorld(heard.service, options);
    expect(report.total.visits).toBeGreaterThanOrEqual(30);
    expect(report.total.visits).toBeLessThan(60);
    expect(heard.times.at(-1)).toBeLessThan(report.from + dayMs);
  });

  test('fails with what the service failed with, and asks nothing more', async () => {
    const heard = listener((call) => call % 3);
    let asked = 0;
    const failing: WorldService = {
      ...heard.service,
      rank: (request) => (++asked === 10 ? Promise.reject(new Error('out of order')) : heard.service.rank(request)),
    };
    await expect(runWorld(failing, { ...small, concurrency: 4 })).rejects.toThrow('out of order');
    const after = asked;
    await sleep(20);
    expect(asked).toBe(after);
  });

  test('refuses an answer with something that was no candidate', async () => {
    const { service } = listener();
    const strange: WorldService = {
      ...service,
      rank: (request) => Promise.resolve({ requestId: request.requestId, arms: {}, items: [{ id: 'v999999' }] }),
    };
    await expect(runWorld(strange, small)).rejects.toThrow('v999999');
  });
});
