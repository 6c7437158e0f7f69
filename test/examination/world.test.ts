import { expect, test } from '@jest/globals';
import { createWorld, examination, type Device } from '../../training/dataset/index.js';
import { examinationBySwaps, type SwapOutcome } from '../../training/examination/index.js';
import { drawOf } from './platform.js';

test('in the simulated world swaps find the law of examination of each device, from clicks and from dismissals', () => {
  const positions = 4;
  const world = createWorld(3, { listLength: 6, requestsPerDay: 8_000, poolSize: 20 });
  const { uniform, below } = drawOf(3, 41);
  const heads = ['clicked', 'dismissed'] as const;
  const outcomes = new Map<string, SwapOutcome[]>();
  for (let index = 0; index < 8_000; index++) {
    const request = world.request(0, index);
    const list = [...world.shown(request)];
    const [position, swapped] = [2 + below(positions - 1), uniform() < 0.5];
    if (swapped) [list[0], list[position - 1]] = [list[position - 1]!, list[0]!];
    const happened = world.outcomes(request, list);
    for (const head of heads) {
      const key = `${request.device}/${head}`;
      const [first, there] = [happened[0]!, happened[position - 1]!].map((each) => (each[head] ? 1 : 0));
      const outcome = { cluster: request.person.id, position, swapped, first: first!, there: there! };
      const known = outcomes.get(key);
      if (known === undefined) outcomes.set(key, [outcome]);
      else known.push(outcome);
    }
  }
  let [covered, all] = [0, 0];
  for (const [key, ofHead] of outcomes) {
    const device = key.split('/')[0] as Device;
    for (const { position, estimate } of examinationBySwaps(ofHead, { positions })) {
      if (estimate === undefined) continue;
      const truth = examination(position, device);
      const [low, high] = estimate.interval!;
      all++;
      if (low <= truth && truth <= high) covered++;
      // Dismissals are rare: 3 % of what is looked at.
      if (key.endsWith('clicked')) expect(Math.abs(Math.log(estimate.ratio / truth))).toBeLessThan(0.3);
    }
  }
  expect(all).toBe(18);
  expect(covered).toBeGreaterThanOrEqual(15);
});
