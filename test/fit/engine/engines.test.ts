import { expect, test } from '@jest/globals';
import { WatchnextError } from '../../../src/errors.js';
import { createEagerEngine } from '../../../training/fit/engine/eager.js';
import { createOnnxEngine, createTfjsNodeEngine, loadTfjsNode } from '../../../training/fit/engine/index.js';
import { reasonOf } from '../../../training/fit/engine/tfjs-node.js';
import { batchOf, busyRanker, optionsOf } from './builder.js';
import { describeEngine } from './contract.js';

const tfjsNode = await loadTfjsNode();

describeEngine('onnx', createOnnxEngine);
// The eager engine's code is the same on every backend of tfjs; the pure one is always there.
describeEngine('eager on the tfjs cpu backend', (options) =>
  Promise.resolve(createEagerEngine('tfjs-node', 'cpu', options)),
);
if ('backend' in tfjsNode) describeEngine('tfjs-node', createTfjsNodeEngine);

test('onnx: weights do not depend on the number of threads', async () => {
  const states = [];
  for (const threads of [1, 2]) {
    const engine = await createOnnxEngine({ ...optionsOf(busyRanker()), threads });
    for (let seed = 0; seed < 3; seed++) await engine.step(batchOf({ seed, lists: new Array<number>(64).fill(8) }));
    states.push(await engine.state());
    await engine.close();
  }
  expect(states[1]).toEqual(states[0]);
});

test('tfjs-node: where it cannot be loaded, the error says why and what to do', async () => {
  if ('backend' in tfjsNode) return;
  const error: unknown = await createTfjsNodeEngine(optionsOf(busyRanker())).catch((refused: unknown) => refused);
  expect(error).toBeInstanceOf(WatchnextError);
  const { message, problems } = error as WatchnextError;
  expect(message).toContain(tfjsNode.reason);
  expect(problems[0]?.hint).toContain('use the onnx engine');
});

test('tfjs-node: a package that is absent and one without its native part are told apart', () => {
  const absent = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
  const bare = new Error('The Node.js native addon module (tfjs_binding.node) can not be found at path: /x');
  expect(reasonOf(absent)).toMatch(/is not installed/);
  expect(reasonOf(bare)).toMatch(/without its native library/);
  expect(reasonOf(new Error('libtensorflow.so.2: too old\nmore'))).toMatch(
    /failed to load: libtensorflow.so.2: too old$/,
  );
});
