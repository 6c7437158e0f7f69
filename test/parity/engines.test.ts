import { expect, test } from '@jest/globals';
import { createEagerEngine } from '../../training/fit/engine/eager.js';
import { createOnnxEngine, createTfjsNodeEngine, loadTfjsNode } from '../../training/fit/engine/index.js';
import type { Engine, NamedArrays } from '../../training/fit/types.js';
import { batchOf, busyRanker, largestDifference, optionsOf } from '../fit/engine/builder.js';

const tfjsNode = await loadTfjsNode();

/** The gradients and losses of every step by name, and the weights at the end. */
async function record(engine: Engine, steps: number): Promise<NamedArrays> {
  const seen = new Map<string, Float32Array>();
  for (let seed = 0; seed < steps; seed++) {
    const { losses, requestGradient, candidateGradient } = await engine.step(batchOf({ seed }));
    seen
      .set(`losses ${seed}`, losses)
      .set(`request ${seed}`, requestGradient)
      .set(`candidate ${seed}`, candidateGradient);
  }
  for (const [name, values] of await engine.state()) seen.set(name, values);
  await engine.close();
  return seen;
}

test.each([
  ['gradient descent', busyRanker({ optimizer: { kind: 'sgd', rate: 0.1 } })],
  ['adam', busyRanker()],
  ['adagrad', busyRanker({ optimizer: { kind: 'adagrad', rate: 0.1 } })],
])(
  'five steps of %s agree between onnx and tfjs on its cpu backend in every gradient and weight',
  async (_, definition) => {
    const options = optionsOf(definition);
    const onnx = await record(await createOnnxEngine(options), 5);
    const cpu = await record(createEagerEngine('tfjs-node', 'cpu', options), 5);
    expect(largestDifference(onnx, cpu)).toBeLessThan(1e-5);
  },
);

if ('backend' in tfjsNode) {
  test('fifty steps from the same start agree between onnx and tfjs-node', async () => {
    const options = optionsOf(busyRanker());
    const onnx = await record(await createOnnxEngine(options), 50);
    const node = await record(await createTfjsNodeEngine(options), 50);
    expect(largestDifference(onnx, node)).toBeLessThan(1e-5);
  });
} else {
  test(`tfjs-node is not loadable here (${tfjsNode.reason}): onnx was compared with the tfjs cpu backend instead`, () => {
    expect(tfjsNode.reason).not.toBe('');
  });
}
