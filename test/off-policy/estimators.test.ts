import { describe, expect, test } from '@jest/globals';
import {
  clipImportance,
  collectLists,
  estimateMean,
  evaluatePolicy,
  quotient,
  type Estimate,
  type ListPolicy,
} from '../../training/policy/index.js';
import { everyList, logWorld, truthOf } from './world.js';

const policy: ListPolicy = { weights: [1, 0.2], form: 'product', share: 0.5, temperature: 0.6, swaps: 0.1 };
const target: ListPolicy = { ...policy, weights: [0.8, 0.5] };
const waits = [undefined, undefined];

describe('estimates of another policy over many logs', () => {
  const size = { candidates: 6, shown: 3 };
  const truth = truthOf(target, { lists: 30_000, ...size }).mean;
  const before = truthOf(policy, { lists: 30_000, ...size }).mean;
  const found = new Map<string, Estimate[]>();
  const note = (name: string, estimate: Estimate): void => void found.set(name, [...(found.get(name) ?? []), estimate]);
  const logs = 40;
  for (let seed = 0; seed < logs; seed++) {
    const lists = logWorld({ seed, users: 150, listsPerUser: 2, policy, ...size });
    const evaluation = evaluatePolicy({ lists, target: { weights: target.weights, form: 'product' }, waits, seed });
    for (const { metric, weighting, estimator, estimate, gain } of evaluation.estimates) {
      note(`${metric} ${weighting} ${estimator}`, estimate);
      if (estimator === 'dr') note(`gain ${metric} ${weighting}`, gain);
    }
  }
  const of = (name: string): Estimate[] => found.get(name) ?? [];
  const covers = (name: string, value: number): number =>
    of(name).filter(({ low, high }) => low <= value && value <= high).length / logs;
  const meanOf = (name: string): number => of(name).reduce((sum, { value }) => sum + value, 0) / logs;
  const spreadOf = (name: string): number =>
    Math.sqrt(of(name).reduce((sum, { value }) => sum + (value - meanOf(name)) ** 2, 0) / (logs - 1));

  test('intervals cover what the policy brings, at their rate', () => {
    for (const weighting of ['place', 'examined'])
      for (const estimator of ['ips', 'snips', 'dr'])
        (['clicks', 'satisfied'] as const).forEach((metric, at) => {
          // 95 % of 40: three and a half standard errors below.
          expect(covers(`${metric} ${weighting} ${estimator}`, truth[at]!)).toBeGreaterThanOrEqual(0.83);
        });
    const all = ['place', 'examined'].flatMap((weighting) => [
      covers(`gain clicks ${weighting}`, truth[0] - before[0]),
      covers(`gain satisfied ${weighting}`, truth[1] - before[1]),
      covers(`clicks ${weighting} dr`, truth[0]),
      covers(`satisfied ${weighting} dr`, truth[1]),
    ]);
    expect(all.reduce((sum, rate) => sum + rate, 0) / all.length).toBeGreaterThan(0.9);
    expect(covers('satisfied_per_click examined dr', truth[1] / truth[0])).toBeGreaterThanOrEqual(0.83);
  });

  test('none is off on average', () => {
    for (const weighting of ['list', 'prefix', 'place', 'examined'])
      for (const estimator of ['ips', 'snips', 'dr'])
        (['clicks', 'satisfied'] as const).forEach((metric, at) => {
          const name = `${metric} ${weighting} ${estimator}`;
          if (of(name).length === 0) return;
          expect(Math.abs(meanOf(name) - truth[at]!)).toBeLessThan((4 * spreadOf(name)) / Math.sqrt(logs) + 0.012);
        });
  });

  test('assuming more, and knowing more, makes them vary less', () => {
    const spreads = ['list ips', 'prefix ips', 'place ips', 'examined ips'].map((how) => spreadOf(`satisfied ${how}`));
    expect(spreads).toEqual([...spreads].sort((a, b) => b - a));
    expect(spreadOf('satisfied list snips')).toBeLessThan(spreadOf('satisfied list ips'));
    expect(spreadOf('satisfied place dr')).toBeLessThan(spreadOf('satisfied place ips'));
    const errors = of('satisfied place dr').reduce((sum, { error }) => sum + error, 0) / logs;
    expect(errors / spreadOf('satisfied place dr')).toBeGreaterThan(0.75);
    expect(errors / spreadOf('satisfied place dr')).toBeLessThan(1.3);
  });
});

describe('an interval', () => {
  const lists = logWorld({ seed: 1, users: 100, listsPerUser: 4, policy });
  const which = everyList(lists);

  test('draws users, not lists: four copies of a list say no more than one', () => {
    const byUser = Float64Array.from(which, (list) => Math.sin(100 * lists.user[list]!));
    const values = Float64Array.from({ length: 100 }, (_, user) => Math.sin(100 * user));
    const mean = values.reduce((sum, value) => sum + value, 0) / 100;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 99);
    const { value, error, low, high } = estimateMean(byUser, { lists, which });
    expect(value).toBeCloseTo(mean, 10);
    expect(error).toBeCloseTo(deviation / 10, 10);
    expect(value - low).toBeCloseTo(high - value, 10);
    // Student’s t with about 99 degrees of freedom.
    expect((high - value) / error).toBeGreaterThan(1.96);
    expect((high - value) / error).toBeLessThan(2.02);
  });

  test('is wider where few users decide', () => {
    const few = Float64Array.from(which, (list) => (lists.user[list]! < 2 ? 10 : 0.01 * lists.user[list]!));
    const { value, error, high } = estimateMean(few, { lists, which });
    expect((high - value) / error).toBeGreaterThan(2.5);
  });

  test('of one user has no end, and of no difference no width', () => {
    const one = which.filter((list) => lists.user[list] === 3);
    expect(estimateMean(Float64Array.of(1, 0, 0, 1), { lists, which: one }).high).toBe(Infinity);
    expect(estimateMean(new Float64Array(which.length).fill(2), { lists, which })).toEqual({
      ...{ value: 2, low: 2, high: 2, error: 0 },
    });
  });

  test('of a quotient is that of its parts to first order', () => {
    const above = Float64Array.of(1, 2, 3, 6);
    const below = Float64Array.of(2, 2, 4, 8);
    const parts = quotient(above, below);
    expect(parts.reduce((sum, value) => sum + value, 0) / 4).toBeCloseTo(12 / 16, 12);
    // Leaving one out changes the quotient as its contribution says, up to what is of second order.
    const [ratio, without] = [12 / 16, 6 / 8];
    expect(ratio - without).toBeCloseTo((parts[3]! - ratio) / 4, 1);
  });
});

test('clipping says how much of the weight it takes', () => {
  const { importance, share } = clipImportance(Float64Array.of(0, 1, 30, 9), 10);
  expect([...importance]).toEqual([0, 1, 10, 9]);
  expect(share).toBe(0.5);
  expect(clipImportance(Float64Array.of(1, 2), 10).share).toBe(0);
});

test('what clipping takes off an estimate is said', () => {
  const lists = logWorld({ seed: 4, users: 150, policy });
  const options = { lists, target: { weights: [0.2, 1], form: 'product' }, waits, seed: 1 } as const;
  const [whole, clipped] = [1e9, 2].map((clip) => evaluatePolicy({ ...options, clip, weightings: ['place'] }));
  whole!.estimates.forEach(({ estimate, clipBias }, at) => {
    expect(clipBias).toBe(0);
    const other = clipped!.estimates[at]!;
    expect(other.estimate.value - estimate.value).toBeCloseTo(other.clipBias, 10);
  });
  expect(clipped!.estimates.find(({ estimator }) => estimator === 'ips')!.clipBias).toBeLessThan(0);
});

test('the lists of a log without users are each their own', () => {
  const collector = collectLists({ tasks: ['click'], metrics: [{ name: 'clicks', direction: 'up', total: 0 }] });
  for (const reward of [0, 1, 1])
    collector.add({
      ...{
        user: undefined,
        heads: Float32Array.of(0.5, 0.1),
        shown: Int32Array.of(1),
        placeChances: Float64Array.of(1),
      },
      rewards: [Float64Array.of(reward)],
    });
  expect(collector.finish().users).toHaveLength(3);
});
