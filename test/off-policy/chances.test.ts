import { describe, expect, test } from '@jest/globals';
import { logChances, utilities } from '../../src/policy/index.js';
import { SeededRandom } from '../../src/random.js';
import {
  collectLists,
  contributions,
  createWeigher,
  fitOutcome,
  headBasis,
  race,
  type ListPolicy,
  type LoggedLists,
} from '../../training/policy/index.js';
import { drawCandidates, everyList, examined, ordersOf, scoresOf } from './world.js';

const product: ListPolicy = { weights: [1, 0.5], form: 'product', share: 0.4, temperature: 0.7, swaps: 0.2 };

const examination = Float64Array.from({ length: 4 }, (_, place) => examined(place));

/** Chances of places by adding up all orders. */
const enumerated = (scores: Float64Array, policy: ListPolicy, places: number): number[][] => {
  const table = Array.from(scores, () => new Array<number>(places).fill(0));
  for (const order of ordersOf(scores.length, places)) {
    const chance = Math.exp(logChances({ scores, rows: Int32Array.from(order), policy }).at(-1)!);
    order.forEach((row, place) => (table[row]![place]! += chance));
  }
  return table;
};

describe('chances of places', () => {
  test('are those of adding up all orders', () => {
    const random = new SeededRandom(3);
    for (const spread of [0, 0.5, 4, 30]) {
      const scores = Float64Array.from({ length: 6 }, () => spread * (random.next() / 2 ** 32 - 0.5));
      const policy = { ...product, form: 'sum', share: 1, temperature: 1, swaps: 0 } as const;
      const truth = enumerated(scores, policy, 4);
      const rows = Int32Array.from({ length: 24 }, (_, slot) => slot >> 2);
      const places = Int32Array.from({ length: 24 }, (_, slot) => slot & 3);
      const { chances, exposures } = race({ utilities: utilities(scores, policy), rows, places, examination });
      chances.forEach((chance, slot) => expect(chance).toBeCloseTo(truth[rows[slot]!]![places[slot]!]!, 5));
      exposures.forEach((exposure, slot) => {
        const mean = truth[rows[slot]!]!.reduce((sum, chance, place) => sum + chance * examination[place]!, 0);
        expect(exposure).toBeCloseTo(mean, 5);
      });
    }
  });

  test('sum to 1 over the candidates of a place and over the places of a candidate, in long lists too', () => {
    const random = new SeededRandom(4);
    const n = 24;
    const u = Float64Array.from({ length: n }, () => 6 * (random.next() / 2 ** 32));
    const rows = Int32Array.from({ length: n * n }, (_, slot) => Math.floor(slot / n));
    const places = Int32Array.from({ length: n * n }, (_, slot) => slot % n);
    const chances = race({ utilities: u, rows, places, examination: new Float64Array(0) }).chances;
    for (let i = 0; i < n; i++) {
      let [byPlace, byRow] = [0, 0];
      for (let j = 0; j < n; j++) {
        byPlace += chances[j * n + i]!;
        byRow += chances[i * n + j]!;
      }
      expect(byPlace).toBeCloseTo(1, 5);
      expect(byRow).toBeCloseTo(1, 5);
    }
  });
});

/** All lists of one request at once, as often as the log draws them: sums over them are expectations. */
const allLists = (
  policy: ListPolicy,
  shown: number,
): { lists: LoggedLists; chances: number[]; truth: typeof valueOf } => {
  const candidates = drawCandidates(new SeededRandom(8), 0, 4);
  const heads = Float32Array.from(candidates.flatMap((candidate) => candidate.heads));
  const scores = scoresOf(heads, policy);
  const collector = collectLists({
    tasks: ['click', 'satisfied'],
    metrics: [{ name: 'c', direction: 'up', total: 0 }],
  });
  const chances: number[] = [];
  const orders = ordersOf(4, shown);
  for (const order of orders) {
    const rows = Int32Array.from(order);
    chances.push(Math.exp(logChances({ scores, rows, policy }).at(-1)!));
    const reward = Float64Array.from(order, (row, place) => examined(place) * candidates[row]!.worth[0]);
    collector.add({ user: undefined, policy, heads, shown: rows, rewards: [reward] });
  }
  const valueOf = (target: ListPolicy): number =>
    orders.reduce((sum, order) => {
      const rows = Int32Array.from(order);
      const chance = Math.exp(logChances({ scores: scoresOf(heads, target), rows, policy: target }).at(-1)!);
      return sum + chance * order.reduce((worth, row, place) => worth + examined(place) * candidates[row]!.worth[0], 0);
    }, 0);
  return { lists: collector.finish(), chances, truth: valueOf };
};

describe('expectations over everything that the log could have shown', () => {
  const { lists, chances, truth } = allLists(product, 3);
  const which = everyList(lists);
  const expectationOf = (values: Float64Array): number =>
    values.reduce((sum, value, at) => sum + value * chances[at]!, 0);

  test.each([
    ['other weights, the same variation', { ...product, weights: [-0.3, 1.4] }],
    ['the other form', { ...product, form: 'sum', weights: [2, 5], temperature: 0.7 }],
    ['no variation', { ...product, weights: [0.2, 1], share: 0, swaps: 0 }],
    ['only swaps', { ...product, weights: [0.2, 1], share: 0, swaps: 1 }],
    ['only noise', { ...product, weights: [0.2, 1], share: 1, swaps: 0, temperature: 0.3 }],
  ] as [string, ListPolicy][])('IPS and DR are what the target brings: %s', (_, target) => {
    for (const weighting of ['place', 'examined'] as const) expectTruth(target, weighting);
  });

  const expectTruth = (target: ListPolicy, weighting: 'place' | 'examined'): void => {
    const variation = { share: target.share, temperature: target.temperature, swaps: target.swaps };
    // Every list draws its own races: many of them, so that what is left is not luck.
    const weigher = createWeigher(lists, { seed: 5, draws: 1500, examination });
    const outcome = fitOutcome(lists, { which, column: 0, basis: headBasis(lists, [undefined, undefined]) });
    const { importance, expected } = weigher.weigh({ ...target, variation }, which, { weighting, outcomes: [outcome] });
    const options = { lists, which, importance, column: 0 };
    const loose = target.share > 0 ? 2 : 6;
    expect(expectationOf(contributions('ips', options))).toBeCloseTo(truth(target), loose);
    const model = { outcome, expected: expected[0]! };
    expect(expectationOf(contributions('dr', { ...options, model }))).toBeCloseTo(truth(target), loose);
  };

  test('without a variation of its own a target is varied as each list was', () => {
    const weigher = createWeigher(lists, { seed: 5, draws: 1500, examination });
    const { importance } = weigher.weigh({ weights: product.weights, form: 'product' }, which, {
      weighting: 'examined',
    });
    const first = Float64Array.from(which, (list) => importance[lists.slotStart[list]!]!);
    expect(expectationOf(first)).toBeCloseTo(1, 2);
    first.forEach((weight) => expect(Math.abs(weight - 1)).toBeLessThan(0.2));
  });
});
