import { describe, expect, test } from '@jest/globals';
import { createNoise, noiseSize } from '../../../training/fit/engine/noise.js';
import { createWeights, updateWeights, type UpdateRule } from '../../../training/fit/engine/optimizer.js';
import { SeededRandom } from '../../../training/fit/random.js';

const specs = [
  { name: 'w', shape: [2], bound: 1, decays: true },
  { name: 'b', shape: [1], bound: 0, decays: false },
];
const start = new Map([['w', Float32Array.of(1, -2)], ['b', Float32Array.of(0.5)]]); // prettier-ignore
const gradientsOf = (step: number): Map<string, Float32Array> =>
  new Map([['w', Float32Array.of(0.3 * step, -4)], ['b', Float32Array.of(step)]]); // prettier-ignore

function after(rule: Partial<UpdateRule>, steps: number, rate = 0.1) {
  const whole: UpdateRule = { kind: 'sgd', weightDecay: 0, ...rule };
  const weights = createWeights(whole, start);
  for (let step = 1; step <= steps; step++) {
    updateWeights(weights, specs, { rule: whole, gradients: gradientsOf(step), rate });
  }
  return weights;
}
const valuesAfter = (rule: Partial<UpdateRule>, steps: number): number[] =>
  [...after(rule, steps).parameters.values()].flatMap((array) => [...array]);
const close = (values: number[], expected: number[]): void =>
  expected.forEach((value, i) => expect(values[i]).toBeCloseTo(value, 6));

describe('optimisers', () => {
  test('adam follows the paper’s formula with bias-corrected moments', () => {
    const follow = (w: number, gradients: number[]): number => {
      let [m, v] = [0, 0];
      gradients.forEach((g, i) => {
        m = 0.9 * m + 0.1 * g;
        v = 0.999 * v + 0.001 * g * g;
        w -= (0.1 * (m / (1 - 0.9 ** (i + 1)))) / (Math.sqrt(v / (1 - 0.999 ** (i + 1))) + 1e-8);
      });
      return w;
    };
    close(valuesAfter({ kind: 'adam' }, 3), [
      follow(1, [0.3, 0.6, 0.9]),
      follow(-2, [-4, -4, -4]),
      follow(0.5, [1, 2, 3]),
    ]);
  });

  test('adagrad divides by the root of the sum of squares', () => {
    close(valuesAfter({ kind: 'adagrad' }, 2), [
      1 - 0.1 - (0.1 * 0.6) / Math.hypot(0.3, 0.6),
      -2 + 0.1 + (0.1 * 4) / Math.hypot(4, 4),
      0.5 - 0.1 - (0.1 * 2) / Math.hypot(1, 2),
    ]);
  });

  test('sgd takes rate times gradient', () => {
    close(valuesAfter({ kind: 'sgd' }, 2), [1 - 0.03 - 0.06, -2 + 0.8, 0.5 - 0.1 - 0.2]);
  });

  test('weights with a factor move by the rate times it', () => {
    const rule: UpdateRule = { kind: 'sgd', weightDecay: 0 };
    const weights = createWeights(rule, start);
    const faster = specs.map((spec) => (spec.name === 'b' ? { ...spec, rate: 10 } : spec));
    updateWeights(weights, faster, { rule, gradients: gradientsOf(1), rate: 0.01 });
    close([...weights.parameters.get('w')!, ...weights.parameters.get('b')!], [1 - 0.003, -2 + 0.04, 0.5 - 0.1]);
  });

  test('weight decay takes its share of the weights and leaves biases alone', () => {
    close(valuesAfter({ kind: 'sgd', weightDecay: 0.5 }, 1), [0.95 - 0.03, -1.9 + 0.4, 0.5 - 0.1]);
  });

  test('clipping scales all gradients together to the norm', () => {
    const norm = Math.hypot(0.3, 4, 1);
    close(valuesAfter({ kind: 'sgd', clipNorm: 1 }, 1), [1 - 0.03 / norm, -2 + 0.4 / norm, 0.5 - 0.1 / norm]);
    expect(valuesAfter({ kind: 'sgd', clipNorm: 100 }, 1)).toEqual(valuesAfter({ kind: 'sgd' }, 1));
  });

  test('the moving average follows the weights, early steps faster', () => {
    const { average } = after({ kind: 'sgd', averaging: 0.5 }, 2);
    const first = 1 + (1 - 2 / 11) * (0.97 - 1);
    close([...average.get('w')!], [first + (1 - 3 / 12) * (0.91 - first)]);
    const slow = after({ kind: 'sgd', averaging: 0.1 }, 1).average.get('w')![0];
    expect(slow).toBeCloseTo(1 + 0.9 * -0.03, 6);
  });
});

describe('noise', () => {
  const spec = { name: 'n', rate: 0.3, kept: 1 / 0.7, shape: ['rows', 7, 'requests'] as const };

  test('drops the given share and keeps the mean', () => {
    const values = createNoise()(spec, 100_001, new SeededRandom(5));
    const dropped = values.filter((value) => value === 0).length / values.length;
    // Four standard deviations of a binomial share.
    expect(Math.abs(dropped - 0.3)).toBeLessThan(4 * Math.sqrt((0.3 * 0.7) / values.length));
    expect(new Set(values)).toEqual(new Set([0, Math.fround(1 / 0.7)]));
  });

  test('depends on the seed alone, not on what was drawn before', () => {
    const size = noiseSize(spec, { rows: 3, requests: 2 });
    expect(size).toBe(42);
    const fresh = createNoise();
    const used = createNoise();
    used(spec, 10, new SeededRandom(8));
    used(spec, 50_001, new SeededRandom(9));
    expect([...used(spec, size, new SeededRandom(1))]).toEqual([...fresh(spec, size, new SeededRandom(1))]);
    expect([...fresh(spec, size, new SeededRandom(2))]).not.toEqual([...fresh(spec, size, new SeededRandom(1))]);
  });

  test('agrees between two steps no more often than chance', () => {
    const noise = createNoise();
    const [a, b] = [1, 2].map((seed) => noise(spec, 50_000, new SeededRandom(seed)));
    const same = a!.filter((value, i) => value === b![i]).length / 50_000;
    expect(Math.abs(same - (0.3 ** 2 + 0.7 ** 2))).toBeLessThan(0.01);
  });
});
