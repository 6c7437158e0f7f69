import { describe, expect, test } from '@jest/globals';
import { divisorsOf, largestByInput, quantiseWeights } from '../../../training/fit/quantise/scales.js';
import { seeded } from '../../compile/runtime.js';

const random = seeded(9);
const [inputs, width] = [30, 8];
const values = Float32Array.from({ length: inputs * width }, () => (2 * random() - 1) * 10 ** (2 * random() - 1));
const weights = { dims: [inputs, width], values };
const divisors = Float32Array.from({ length: inputs }, () => 0.5 + random());

describe('weights in bytes', () => {
  const rounded = quantiseWeights(weights, divisors);

  test('are off by half a step of their column at most', () => {
    for (let input = 0; input < inputs; input++) {
      for (let column = 0; column < width; column++) {
        const at = input * width + column;
        const step = rounded.steps[column]!;
        const meant = values[at]! * divisors[input]!;
        expect(Math.abs(rounded.values[at]! * step - meant)).toBeLessThan(0.5001 * step);
      }
    }
  });

  test('use all of 7 bits in every column, and two products with bytes fit into 16', () => {
    const farthest = Array.from({ length: width }, (_, column) =>
      Math.max(...Array.from({ length: inputs }, (_, input) => Math.abs(rounded.values[input * width + column]!))),
    );
    expect(farthest).toEqual(new Array<number>(width).fill(64));
    expect(2 * 255 * 64).toBeLessThan(2 ** 15);
  });

  test('of a column that is next to nothing are as exact as those of any other, beside one that reaches far', () => {
    const apart = values.map((value, at) => value * (at % width === 0 ? 1e-6 : at % width === 1 ? 1e6 : 1));
    const { steps, values: found } = quantiseWeights({ dims: [inputs, width], values: apart }, divisors);
    expect(found).toEqual(rounded.values);
    expect(steps[0]! / rounded.steps[0]!).toBeCloseTo(1e-6, 10);
  });

  test('of a column of nothing have a step that can be divided by, and no step is below the one asked for', () => {
    const none = quantiseWeights({ dims: [2, 1], values: new Float32Array(2) }, Float32Array.of(1, 1));
    expect(none.steps[0]).toBeGreaterThan(0);
    expect([...none.values]).toEqual([0, 0]);
    const coarse = quantiseWeights(
      { dims: [1, 2], values: Float32Array.of(1, 1) },
      Float32Array.of(1),
      Float32Array.of(0.5, 0),
    );
    expect([...coarse.steps]).toEqual([0.5, 1 / 64]);
    expect([...coarse.values]).toEqual([2, 64]);
  });
});

describe('divisors', () => {
  test('share how far a column reaches between values and weights', () => {
    const [reach, reading] = [Float32Array.of(16, 0.25, 0), Float32Array.of(1, 4, 2)];
    const even = divisorsOf(reach, reading, 0.5);
    expect([...even]).toEqual([4, 0.25, 1]);
    // Divided values and multiplied weights then reach equally far.
    expect(reach[0]! / even[0]!).toBe(reading[0]! * even[0]!);
    expect([...divisorsOf(reach, reading, 1)]).toEqual([16, 0.25, 1]);
  });

  test('look at the largest weight of all that read a column', () => {
    const other = { dims: [2, 1], values: Float32Array.of(-7, 1) };
    expect([...largestByInput([{ dims: [2, 2], values: Float32Array.of(1, -3, 2, 0) }, other])]).toEqual([7, 2]);
  });
});
