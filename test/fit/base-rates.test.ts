import { expect, test } from '@jest/globals';
import { createOnnxEngine, trainRanker } from '../../training/fit/index.js';
import { datasetOf, simulatedLog, smallRanker } from './world.js';

test('a training of no consequence predicts the base rate of every binary task, and the mean of a regression', async () => {
  const log = simulatedLog({ requests: 120 });
  const definition = smallRanker({ optimizer: { kind: 'sgd', rate: 1e-9 }, embedding_init: 1e-6 });
  const trained = await trainRanker({
    definition: { ...definition, network: { kind: 'mmoe', experts: 2, expert_layers: [4], towers: [4] } },
    dataset: datasetOf(log),
    engine: (options) => createOnnxEngine({ ...options, threads: 1 }),
  });
  const state = await trained.denseState();
  await trained.close();
  const clicks = log.flatMap(({ labels: [click] }) => [...click!]);
  const rate = clicks.reduce((sum, y) => sum + y, 0) / clicks.length;
  const [click, watch] = state.get('parameters/heads/bias')!;
  expect(1 / (1 + Math.exp(-click!))).toBeCloseTo(rate, 5);
  expect(watch).toBeCloseTo(0, 5);
});
