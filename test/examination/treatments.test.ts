import { beforeAll, describe, expect, test } from '@jest/globals';
import type { RankerDefinition } from '../../src/definition/index.js';
import { examinationByTower } from '../../training/examination/index.js';
import { createOnnxEngine, trainRanker } from '../../training/fit/index.js';
import { datasetOf } from '../fit/world.js';
import { biasedLog, meanNdcg, rankerOf } from './biased-log.js';
import { truth } from './platform.js';

const treatments = {
  none: undefined,
  tower: { features: ['position'], positions: 8, dropout: 0.1, rate: 10 },
  'a tower that is as slow as the rest': { features: ['position'], positions: 8, dropout: 0.1 },
  input: { kind: 'input', features: ['position'], positions: 8, dropout: 0.1, serve_as: 'missing' },
  adversarial: { kind: 'adversarial', features: ['position'], positions: 8 },
  'adversarial, far too strong': { kind: 'adversarial', features: ['position'], positions: 8, weight: 1 },
} as const satisfies Record<string, RankerDefinition['bias']>;
type Treatment = keyof typeof treatments;

const seeds = [1, 2];
/** By treatment, NDCG within requests against the true relevance, by seed. */
const ndcg = new Map<Treatment, number[]>();
/** By seed, what the tower says of each position. */
const curves: number[][] = [];

beforeAll(async () => {
  for (const seed of seeds) {
    const { log, relevance } = biasedLog({ requests: 3000, seed });
    for (const [name, bias] of Object.entries(treatments) as [Treatment, RankerDefinition['bias']][]) {
      const definition = rankerOf(bias, seed);
      const trained = await trainRanker({ definition, dataset: datasetOf(log), engine: createOnnxEngine });
      const lists = [];
      for (const request of log.slice(0, 300)) {
        const { heads } = await trained.score(trained.reader.read([request]));
        const gains = request.candidates.map(({ item_id: item }) => relevance[item as number]!);
        lists.push({ scores: [...heads], gains });
      }
      ndcg.set(name, [...(ndcg.get(name) ?? []), meanNdcg(lists)]);
      if (name === 'tower') {
        const weights = (await trained.denseState()).get('parameters/bias/weights')!;
        const [click] = examinationByTower(definition, { weights, scaling: trained.labelScaling });
        curves.push(click!.map(({ ratio }) => ratio));
      }
      await trained.close();
    }
  }
}, 240_000);

const gain = (treatment: Treatment): number[] =>
  ndcg.get(treatment)!.map((value, at) => value - ndcg.get('none')![at]!);

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

describe('learned from an order that feeds on itself, true relevance is ranked', () => {
  test.each(['tower', 'input', 'adversarial'] as const)('better with the position as %s than without', (treatment) => {
    for (const difference of gain(treatment)) expect(difference).toBeGreaterThan(0.005);
  });

  test('best by a tower whose weights move faster than the items’, which else take the blame before it does', () => {
    const best = gain('tower');
    for (const other of ['input', 'adversarial', 'a tower that is as slow as the rest'] as const) {
      expect(sum(best)).toBeGreaterThan(sum(gain(other)));
    }
  });

  test('worse where the adversary hides so much that what is good is hidden too', () => {
    for (const difference of gain('adversarial, far too strong')) expect(difference).toBeLessThan(0);
  });
});

test('the tower’s curve falls as examination does', () => {
  const off = curves.flatMap((curve) => curve.map((ratio, place) => Math.abs(Math.log(ratio / truth(place + 1)))));
  expect(sum(off) / off.length).toBeLessThan(0.2);
  for (const curve of curves) {
    // Neighbours far down differ by less than the noise.
    curve.slice(1).forEach((ratio, above) => expect(ratio).toBeLessThan(curve[above]! * 1.2));
  }
});
