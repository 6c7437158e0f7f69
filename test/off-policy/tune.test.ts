import { describe, expect, test } from '@jest/globals';
import {
  evaluatePolicy,
  frontPlot,
  paretoFront,
  splitByUser,
  tune,
  tuningTable,
  type ListPolicy,
  type TuneOptions,
  type Tuning,
} from '../../training/policy/index.js';
import { logWorld, truthOf, type WorldOptions } from './world.js';

/** Satisfaction pushed down: raising its weight helps it, and at first the clicks too. */
const poor: ListPolicy = { weights: [0.6, -0.4], form: 'product', share: 0.8, temperature: 0.6, swaps: 0 };
const greedy = { share: 0, temperature: 1, swaps: 0 };
const size = { candidates: 6, shown: 3 };

const tuned = (world: Partial<WorldOptions> = {}, options: Partial<TuneOptions> = {}): Tuning => {
  const policy = world.policy ?? poor;
  return tune({
    lists: logWorld({ seed: 3, users: 200, listsPerUser: 2, ...size, ...world, policy }),
    space: {
      current: policy.weights,
      form: 'product',
      bounds: [
        [0, 1.5],
        [-0.5, 1.5],
      ],
    },
    metrics: [0, 1],
    waits: [undefined, undefined],
    seed: 1,
    tries: 24,
    limits: { effectiveLists: 50 },
    ...options,
  });
};

describe('weights tuned on a log', () => {
  const tuning = tuned({ users: 500 });

  test('raise what a poor choice left, and are recommended', () => {
    expect(tuning.recommended).toBe(true);
    const { weights, gains } = tuning.choice!;
    expect(weights[1]!).toBeGreaterThan(-0.1);
    expect(gains[1].low).toBeGreaterThan(0);
    // And truly do so, as judged by the world itself.
    const [before, after] = [poor.weights, weights].map(
      (each) => truthOf({ ...poor, weights: each }, { lists: 8000, ...size }).mean,
    );
    expect(after![1]).toBeGreaterThan(1.1 * before![1]);
    expect(after![0]).toBeGreaterThan(0.99 * before![0]);
  });

  test('stay within their bounds, as far apart in scores as now', () => {
    for (const { weights } of tuning.tried) {
      expect(weights[0]!).toBeGreaterThanOrEqual(0);
      expect(weights[0]!).toBeLessThanOrEqual(1.5);
      expect(weights[1]!).toBeGreaterThanOrEqual(-0.5);
      expect(weights[1]!).toBeLessThanOrEqual(1.5);
    }
    const directions = new Set(tuning.tried.map(({ weights: [a, b] }) => Math.atan2(b!, a!).toFixed(3)));
    expect(directions.size).toBeGreaterThan(18);
  });

  test('are judged on users that they were not searched on', () => {
    const lists = logWorld({ seed: 3, users: 50, policy: poor });
    const { search, judge } = splitByUser(lists, { seed: 1, judged: 0.3 });
    const usersOf = (which: Int32Array): Set<number> => new Set(Array.from(which, (list) => lists.user[list]!));
    expect(search.length + judge.length).toBe(lists.count);
    expect([...usersOf(search)].filter((user) => usersOf(judge).has(user))).toEqual([]);
    expect(usersOf(judge).size).toBeLessThan(usersOf(search).size);
    expect(tuning.searched.users + tuning.judged.users).toBe(500);
  });

  test('are the same for the same seed', () => {
    const again = tuned({ users: 500 });
    expect(again).toEqual(tuning);
  });

  test('are a table and a picture with the current weights in it', () => {
    const { columns, rows } = tuningTable(tuning, ['click', 'satisfied']);
    expect(columns).toEqual([
      '',
      'click',
      'satisfied',
      'clicks',
      'change',
      'satisfied',
      'change',
      'effective lists',
      '',
    ]);
    expect(rows[0]!.slice(0, 3)).toEqual(['current', '0.6', '-0.4']);
    expect(rows.at(-1)![0]).toBe('recommended');
    const svg = frontPlot(tuning);
    expect(svg).toMatch(/^<svg[^]*change of satisfied, %[^]*<\/svg>$/);
    expect(svg).not.toContain('NaN');
  });
});

test('the estimate of what was chosen is not better than it is, though the search’s own is', () => {
  const judged: number[] = [];
  const searched: number[] = [];
  for (let seed = 10; seed < 26; seed++) {
    const { choice, tried } = tuned(
      { seed, users: 120 },
      { tries: 25, variation: greedy, limits: { effectiveLists: 20 } },
    );
    if (choice === undefined) continue;
    const truth = [poor.weights, choice.weights].map(
      (weights) => truthOf({ ...poor, ...greedy, weights }, { lists: 1500, ...size }).mean[1],
    );
    const found = tried.find(
      ({ weights }) => weights === choice.weights || String(weights) === String(choice.weights),
    )!;
    judged.push((choice.gains[1].value - (truth[1]! - truth[0]!)) / choice.gains[1].error);
    searched.push((found.gains[1].value - (truth[1]! - truth[0]!)) / found.gains[1].error);
  }
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  expect(judged.length).toBeGreaterThan(8);
  // In standard errors of one estimate; of the mean of so many it is a third.
  expect(Math.abs(mean(judged))).toBeLessThan(0.9);
  expect(mean(searched)).toBeGreaterThan(mean(judged));
});

describe('a log that says too little', () => {
  test('of no exploration supports nothing, and is told what would', () => {
    const { recommended, reasons, choice, advice, front } = tuned({ policy: { ...poor, share: 0 } });
    expect(recommended).toBe(false);
    expect(choice).toBeUndefined();
    expect(front).toEqual([]);
    expect(reasons.join(' ')).toMatch(/no more than 0 were varied/);
    expect(advice!.exploration!.share).toBeGreaterThan(0);
  });

  test('of two users is not said to have been searched in vain', () => {
    const tuning = tuned({ users: 2, policy: { ...poor, share: 0 } });
    expect(tuning.recommended).toBe(false);
    expect(tuning.reasons[0]).toBe(
      'The log says too little even of the current weights: of 2 logged lists no more than 0 were varied; 50 are needed.',
    );
    expect(tuningTable(tuning, ['click', 'like']).rows[0]!.join(' ')).toMatch(/ ±unknown /);
  });

  test('of noise too weak to change an order is refused though it has a share', () => {
    const { recommended, reasons } = tuned({ policy: { ...poor, temperature: 0.0005 } });
    expect(recommended).toBe(false);
    expect(reasons.join(' ')).toMatch(/were varied/);
  });

  test('of a target far from it is refused by place, where the same log says enough nearby', () => {
    const policy = { ...poor, weights: [3, 0], share: 0.5, temperature: 1 };
    const lists = logWorld({ seed: 3, users: 300, policy, ...size });
    const supportOf = (weights: number[]) =>
      evaluatePolicy({
        ...{ lists, waits: [undefined, undefined], seed: 1, weightings: ['place'] },
        ...{ target: { weights, form: 'product', variation: greedy }, limits: { effectiveLists: 100 } },
      }).support[0]!;
    expect(supportOf([0, 3]).thin.join(' ')).toMatch(/effective|say as much as|shows only|average/);
    expect(supportOf([3, 0.1]).thin).toEqual([]);
  });

  test('says enough with the exploration that was advised', () => {
    const policy = { ...poor, share: 0.02, temperature: 0.1 };
    const before = tuned({ policy });
    expect(before.recommended).toBe(false);
    const { share, temperature } = before.advice!.exploration!;
    expect(share).toBeGreaterThan(0.02);
    const after = tuned({ policy: { ...policy, share, temperature } });
    const { weights } = before.advice!;
    const lists = logWorld({
      seed: 9,
      users: 600,
      listsPerUser: 2,
      ...size,
      policy: { ...policy, share, temperature },
    });
    const judged = evaluatePolicy({
      ...{ lists, waits: [undefined, undefined], seed: 1, weightings: ['examined'] },
      target: { weights, form: 'product', variation: { share: 0.02, temperature: 0.1, swaps: 0 } },
      which: splitByUser(lists, { seed: 1 }).judge,
      limits: { effectiveLists: 50 },
    });
    expect(judged.support[0]!.thin).toEqual([]);
    expect(after.front.length).toBeGreaterThan(0);
  });

  test('whose chances are doubtful recommends nothing, saying so', () => {
    const { recommended, reasons } = tuned({ users: 500 }, { doubts: ['The log’s policy is not what it says.'] });
    expect(recommended).toBe(false);
    expect(reasons[0]).toBe('The log’s policy is not what it says.');
  });
});

test('a metric of which less is better is lowered', () => {
  const lists = logWorld({ seed: 3, users: 300, listsPerUser: 2, ...size, policy: poor });
  const { tried, choice, current } = tune({
    lists: { ...lists, metrics: [lists.metrics[1]!, { ...lists.metrics[0]!, direction: 'down' }] },
    space: {
      current: [0.6, 0.6],
      form: 'product',
      bounds: [
        [0, 1.5],
        [0, 1.5],
      ],
    },
    ...{ metrics: [0, 1], waits: [undefined, undefined], seed: 1, tries: 20, limits: { effectiveLists: 50 } },
  });
  expect(tried.length).toBe(20);
  expect(choice!.values[1].value).toBeLessThan(current.values[1].value);
});

test('a front is what nothing else beats', () => {
  const points = [
    [1, 5],
    [2, 4],
    [2, 3],
    [3, 4],
    [0, 5],
    [4, 0],
  ] as const;
  expect(paretoFront(points, (point) => point)).toEqual([
    [4, 0],
    [3, 4],
    [1, 5],
  ]);
});
