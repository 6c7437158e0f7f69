import { tf } from '../../compile/index.js';
import { initialParameters } from '../../network/index.js';
import { SeededRandom } from '../random.js';
import type { Engine, EngineOptions } from '../types.js';
import { createLearner, type Executor } from './learner.js';
import { createModel, type Model } from './model.js';
import { createQueue } from './queue.js';

/** Runs the model's functions as they are, operation by operation, on a backend that tfjs has registered. */
const createEagerExecutor = (model: Model, backend: string): Executor => ({
  async run(kind, feeds) {
    await tf.setBackend(backend);
    const { run } = model.function('request_of' in feeds ? kind : `${kind}-direct`);
    const results: Record<string, Float32Array> = {};
    // Not returned from tidy, which would look for tensors in every element of the arrays.
    tf.tidy(() => {
      const tensors = Object.entries(feeds).map(([name, { data, shape }]) => {
        const dtype = data instanceof Int32Array ? 'int32' : 'float32';
        return [name, tf.tensor(data, [...shape], dtype)] as const;
      });
      for (const [name, tensor] of Object.entries(run(Object.fromEntries(tensors)))) {
        results[name] = (tensor.dataSync() as Float32Array).slice();
      }
    });
    return results;
  },
  close: () => Promise.resolve(),
});

/** An engine in this thread: each call runs to its end before the next begins. */
export const createEagerEngine = (
  kind: Engine['kind'],
  backend: string,
  { definition, layout, seed }: EngineOptions,
): Engine => {
  const model = createModel(definition, layout);
  const initial = initialParameters(model.plan, new SeededRandom(seed));
  const learner = createLearner(model.plan, initial, createEagerExecutor(model, backend));
  const queue = createQueue();
  let closing: Promise<void> | undefined;
  const ask = <T>(task: () => T | Promise<T>): Promise<T> =>
    closing === undefined ? queue(task) : Promise.reject(new Error('the engine is closed'));
  return {
    kind,
    step: (batch) =>
      ask(async () => {
        const { result, update } = await learner.step(batch);
        update();
        return result;
      }),
    predict: (inputs) => ask(() => learner.predict(inputs)),
    state: () => ask(() => learner.state()),
    load: (state) => ask(() => learner.load(state)),
    close: () => (closing ??= queue(() => learner.close())),
  };
};
