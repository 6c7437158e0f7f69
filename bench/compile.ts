import { performance } from 'node:perf_hooks';
import type { TaskDefinition } from '../src/definition/index.js';
import { tf, trace, type CompiledModel, type TensorSpec, type TraceOptions } from '../training/compile/index.js';
import { createNetwork, taskLosses, type Network } from '../training/network/index.js';
import type { BenchTable } from './table.js';

const width = 128;
const repeats = 5;

/** The network of the training benchmark: 256 inputs in two halves, 8 experts of 256 and 128, 4 tasks with towers. */
function referenceNetwork(): Network {
  const task: TaskDefinition = { group: 'engagement', kind: 'binary', label: 'label' };
  return createNetwork({
    definition: { kind: 'mmoe', experts: 8, expert_layers: [256, 128], towers: [64] },
    tasks: ['click', 'watch', 'like', 'share'].map((name) => ({ name, task })),
    requestWidth: width,
    candidateWidth: width,
  });
}

const matrices: readonly TensorSpec[] = [
  { name: 'request', dtype: 'float32', shape: ['rows', width] },
  { name: 'candidate', dtype: 'float32', shape: ['rows', width] },
];

type Tensors = Readonly<Record<string, tf.Tensor>>;

function logits(network: Network, weights: Tensors, given: Tensors): tf.Tensor2D {
  const { request, candidate } = given as Readonly<Record<string, tf.Tensor2D>>;
  if (request === undefined || candidate === undefined) throw new Error('The network needs both input matrices.');
  return network.forward(weights, { request, candidate, noise: {} }).logits;
}

/** The serving graph: weights inside. */
function referenceForward(network: Network = referenceNetwork()): TraceOptions {
  const names = network.parameters.map(({ name }) => name);
  return {
    name: 'forward',
    inputs: matrices,
    constants: network.parameters.map(({ name, shape }) => {
      const length = shape.reduce((product, size) => product * size, 1);
      return { name, shape, values: Float32Array.from({ length }, (_, index) => Math.sin(index) * 0.05) };
    }),
    run: (given) => ({ logits: logits(network, pick(given, names), given) }),
  };
}

/** The training step: loss, gradients and Adam, weights and moments passed through. */
function referenceStep(network: Network = referenceNetwork()): TraceOptions {
  const names = network.parameters.map(({ name }) => name);
  const state = (role: string): TensorSpec[] =>
    network.parameters.map(({ name, shape }) => ({ name: `${role}/${name}`, dtype: 'float32', shape }));
  return {
    name: 'step',
    inputs: [
      ...matrices,
      { name: 'labels', dtype: 'float32', shape: ['rows', 4] },
      { name: 'rate', dtype: 'float32', shape: [] },
      ...['weights', 'mean', 'variance'].flatMap(state),
    ],
    run: (given) => {
      const take = (name: string): tf.Tensor => given[name] ?? tf.scalar(0);
      const weights = names.map((name) => take(`weights/${name}`));
      const labels = take('labels') as tf.Tensor2D;
      const { value, grads } = tf.valueAndGrads((...values) => {
        const named = Object.fromEntries(names.map((name, index) => [name, values[index] ?? tf.scalar(0)]));
        const z = logits(network, named, given);
        return taskLosses(['binary', 'binary', 'binary', 'binary'], {
          logits: z,
          labels,
          weights: tf.onesLike(labels).div(labels.shape[0]),
        }).sum<tf.Scalar>();
      })(weights);
      const updated = names.map((name, index) => {
        const gradient = grads[index] ?? tf.scalar(0);
        const mean = take(`mean/${name}`).mul(0.9).add(gradient.mul(0.1));
        const variance = take(`variance/${name}`).mul(0.999).add(gradient.square().mul(0.001));
        const step = mean.div(variance.sqrt().add(1e-7)).mul(take('rate'));
        return {
          [`next/weights/${name}`]: take(`weights/${name}`).sub(step),
          [`next/mean/${name}`]: mean,
          [`next/variance/${name}`]: variance,
        };
      });
      return Object.assign({ loss: value }, ...updated) as Readonly<Record<string, tf.Tensor>>;
    },
  };
}

function pick(tensors: Tensors, names: readonly string[]): Tensors {
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => names.includes(name)));
}

function measure(name: string, options: TraceOptions): (string | number)[] {
  let model: CompiledModel = trace(options);
  const times = Array.from({ length: repeats }, () => {
    const start = performance.now();
    model = trace(options);
    return performance.now() - start;
  });
  const nodes = Object.values(model.ops).reduce((sum, count) => sum + count, 0);
  const common = Object.entries(model.ops)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 6)
    .map(([op, count]) => `${op} ${count}`);
  return [
    name,
    Number(Math.min(...times).toFixed(1)),
    nodes,
    Math.round(model.bytes.byteLength / 1024),
    common.join(', '),
  ];
}

/** How long tracing takes, and what it yields, for the 831k-parameter mixture of experts. */
export function runCompileBench(): Promise<BenchTable> {
  const network = referenceNetwork();
  const parameters = network.parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  return Promise.resolve({
    title: `Tracing an MMoE of ${parameters} parameters`,
    columns: ['graph', 'trace ms (best of 5)', 'nodes', 'file KiB', 'most frequent ops'],
    rows: [measure('forward', referenceForward(network)), measure('step (Adam)', referenceStep(network))],
    notes: [
      'A trace records the function once per set of example sizes (three with one open dimension) and computes nothing.',
      'The weights are inside the forward graph and inputs of the step graph.',
    ],
  });
}
