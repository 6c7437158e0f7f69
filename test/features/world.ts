import type { RankerDefinition } from '../../src/definition/index.js';
import type { Fields, Outcome, RankingInput } from '../../src/features/index.js';
import { dayMs, ranker, start } from './platform.js';

/** A definition with every kind of feature, and a seeded log for it. */
export const everyKind = (delay = '0s'): RankerDefinition =>
  ranker({
    features: {
      user_id: { kind: 'id', scope: 'user', dim: 4 },
      item: { kind: 'id', scope: 'candidate', from: 'item_id', dim: 4 },
      device: { kind: 'category', scope: 'context', values: ['phone', 'tv'] },
      genre: { kind: 'category', scope: 'candidate', dim: 2 },
      length: { kind: 'number', scope: 'candidate', transform: 'log1p', min: 0 },
      price: { kind: 'number', scope: 'candidate', encode: 'quantiles', buckets: 4 },
      hour: { kind: 'time', scope: 'context', unit: 'hour_of_day', timezone: 'Asia/Shanghai' },
      age: { kind: 'time', scope: 'candidate', unit: 'age', from: 'published' },
      tags: { kind: 'ids', scope: 'candidate', dim: 3 },
      look: { kind: 'vector', scope: 'candidate', width: 3 },
      watched: { kind: 'history', scope: 'user', of: 'item_id', on: 'click', last: 3, shares: 'item' },
      item_rate: { kind: 'rate', scope: 'candidate', key: 'item_id', of: ['click', 'watch'], half_life: '1d' },
      cross_rate: { kind: 'rate', scope: 'candidate', key: ['user_id', 'author'], of: 'click', prior: 5 },
      shown: { kind: 'count', scope: 'user', key: 'user_id', half_life: '6h' },
    },
    training: { feedback_delay: delay, timezone: 'Europe/Berlin' },
    bias: { features: ['position', 'device'], positions: 3 },
  });

export interface Logged {
  readonly input: RankingInput;
  readonly outcomes: readonly Outcome[];
}

/** mulberry32, so that the tests do not lean on the code's own generator. */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A log over about three days; some requests share their time, some fields are missing. */
export function simulateLog(requests: number, seed: number): Logged[] {
  const random = generator(seed);
  const below = (n: number): number => Math.floor(random() * n);
  let time = start;
  return Array.from({ length: requests }, () => {
    if (random() < 0.8) time += below((6 * dayMs) / requests);
    const user: Fields = random() < 0.05 ? {} : { user_id: below(5) };
    const context: Fields = { device: ['phone', 'tv', 'fridge'][below(3)] };
    const candidates = Array.from({ length: 1 + below(4) }, (): Fields => ({
      item_id: `v${below(8)}`,
      author: below(3),
      genre: random() < 0.1 ? null : ['drama', 'news'][below(2)],
      length: random() < 0.1 ? undefined : random() * 100,
      price: below(50),
      published: time - below(20 * dayMs),
      tags: ['1,2', '3', ''][below(3)],
      look: [random(), random(), random()],
    }));
    const outcomes = candidates.map((candidate) => {
      const click = random() < 0.4 ? 1 : 0;
      return { time, user, context, candidate, labels: { click, watch: click === 1 ? random() * 60 : Number.NaN } };
    });
    return { input: { time, user, context, candidates }, outcomes };
  });
}
