import { describe, expect, test } from '@jest/globals';
import type { RankerDefinition } from '../../src/definition/index.js';
import { examinationByTower } from '../../training/examination/index.js';
import type { TaskScaling } from '../../training/fit/index.js';
import { smallRanker } from '../fit/world.js';

const definition = (bias: RankerDefinition['bias']): RankerDefinition => ({ ...smallRanker(), ...(bias && { bias }) });
const scaling = (mean: number): TaskScaling[] => [
  { name: 'click', kind: 'binary', transform: 'none', mean, deviation: 1, weight: 1 },
  { name: 'watch', kind: 'regression', transform: 'log1p', mean: 3, deviation: 0.5, weight: 1 },
];
const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

describe('examination by the bias tower', () => {
  test('is the ratio of rates that an average candidate would have, with weights on the logit', () => {
    const alone = definition({ features: ['position'], positions: 3 });
    // [positions, tasks]: click 0.6, 0, -0.6, whose mean is 0.
    const weights = Float32Array.of(0.6, 9, 0, 9, -0.6, 9);
    const [click, watch] = examinationByTower(alone, { weights, scaling: scaling(0.3) });
    const z = Math.log(0.3 / 0.7);
    click!.forEach(({ ratio }, place) =>
      expect(ratio).toBeCloseTo(sigmoid(z + 0.6 - 0.6 * place) / sigmoid(z + 0.6), 6),
    );
    expect(watch).toBeUndefined();
  });

  test('of a rare outcome is nearly e to the difference', () => {
    const alone = definition({ features: ['position'], positions: 2 });
    const weights = Float32Array.of(0, 0, -1, 0);
    const [click] = examinationByTower(alone, { weights, scaling: scaling(0.0005) });
    expect(click![1]!.ratio).toBeCloseTo(Math.exp(-1), 3);
  });

  test('weighs what is crossed with the position by how often it was shown', () => {
    const crossed = definition({ features: ['device', 'position'], positions: 2 });
    // phone 1, phone 2, tv 1, tv 2; the tv has no bias.
    const weights = Float32Array.of(0, 0, -1, 0, 0, 0, 0, 0);
    const at = (shown: number[]): number =>
      examinationByTower(crossed, { weights, shown, scaling: scaling(0.0005) })[0]![1]!.ratio;
    expect(at([1, 1, 0, 0])).toBeCloseTo(Math.exp(-1), 3);
    expect(at([0, 0, 1, 1])).toBeCloseTo(1, 6);
    expect(at([3, 3, 1, 1])).toBeCloseTo(0.75 * Math.exp(-1) + 0.25, 2);
    expect(examinationByTower(crossed, { weights, shown: [0, 0, 0, 0], scaling: scaling(0.1) })[0]).toBeUndefined();
  });

  test('of a regression undoes the scaling of its labels', () => {
    const both = definition({ features: ['position'], positions: 2, tasks: ['watch'] });
    const weights = Float32Array.of(0, 1, 0, -1);
    const [click, watch] = examinationByTower(both, { weights, scaling: scaling(0.3) });
    expect(click).toBeUndefined();
    expect(watch![1]!.ratio).toBeCloseTo(Math.expm1(2.5) / Math.expm1(3.5), 6);
  });

  test('is there only where the tower is, and has the position', () => {
    const weights = new Float32Array(4);
    const of = (bias: RankerDefinition['bias']) =>
      examinationByTower(definition(bias), { weights, scaling: scaling(0.3) });
    expect(of({ features: ['device'] })).toEqual([undefined, undefined]);
    expect(of({ kind: 'input', features: ['position'], positions: 2 })).toEqual([undefined, undefined]);
  });

  test('stays a number where an outcome never or always came', () => {
    const alone = definition({ features: ['position'], positions: 2 });
    for (const mean of [0, 1]) {
      const [click] = examinationByTower(alone, { weights: Float32Array.of(0, 0, -1, 0), scaling: scaling(mean) });
      expect(click![1]!.ratio).toBeGreaterThan(0.3);
    }
  });
});
