import { performance } from 'node:perf_hooks';
import type { RankerDefinition } from '../src/definition/index.js';
import { createNetwork } from '../training/network/index.js';
import {
  createGemmProbe,
  createOnnxEngine,
  createTfjsNodeEngine,
  loadTfjsNode,
  type Engine,
  type EngineOptions,
  type GemmProbe,
  type StepBatch,
} from '../training/fit/index.js';
import { pythonWith, runPeer, torchPeers, type Python } from './peers/python.js';
import { median, type BenchTable } from './table.js';

const rows = 1024;
const threads = 2;
const rounds = 5;
const stepsPerRound = 8;
const listLength = 20;

/** A network to be trained and the shape of its batches. */
interface Shape {
  readonly name: string;
  readonly requestWidth: number;
  readonly candidateWidth: number;
  readonly tasks: number;
  readonly requests: number;
  readonly dropout: number;
  /** What the PyTorch peer is told; absent where it has no such thing. */
  readonly peer?: Record<string, number>;
}

const design = { requestWidth: 128, candidateWidth: 128, tasks: 4, dropout: 0 };
const kuairand = { requestWidth: 550, candidateWidth: 132, tasks: 6, dropout: 0.1 };
const shapes: readonly Shape[] = [
  { name: '256 inputs, 4 tasks', ...design, requests: rows, peer: { inputs: 256, tasks: 4 } },
  { name: '682 inputs, 6 tasks, dropout', ...kuairand, requests: rows, peer: { inputs: 682, tasks: 6, dropout: 0.1 } },
  { name: `682 inputs, 6 tasks, dropout, lists of ${listLength}`, ...kuairand, requests: Math.ceil(rows / listLength) },
];

interface Contestant {
  readonly name: string;
  readonly shape: Shape;
  readonly engine: Engine;
  readonly stepMs: number[];
}

/**
 * How fast a training step is, without what prepares batches: the MMoE of 8 experts of 256 and 128 with towers of 64, batch
 * 1024, Adam. In every round the raw rate of matrix products is measured beside, so that shares do not depend on what else
 * the machine did.
 */
export const runTrainingBench = async ({ peers }: { json: boolean; peers: boolean }): Promise<BenchTable> => {
  const probe = await createGemmProbe(threads);
  const tfjsNode = await loadTfjsNode();
  const contestants: Contestant[] = [];
  for (const shape of shapes) {
    contestants.push({ name: 'onnx', shape, engine: await createOnnxEngine(optionsOf(shape)), stepMs: [] });
    if ('backend' in tfjsNode) {
      contestants.push({ name: 'tfjs-node', shape, engine: await createTfjsNodeEngine(optionsOf(shape)), stepMs: [] });
    }
  }
  const gemm: number[] = [];
  const torch = new Map<string, number[]>();
  const python: Python = peers ? await pythonWith(torchPeers) : { reason: 'not asked for (--peers)' };
  for (const contestant of contestants) await measure(contestant, 3);
  for (let round = 0; round < rounds; round++) {
    for (const contestant of contestants) {
      gemm.push(...(await products(probe)));
      contestant.stepMs.push(await measure(contestant, stepsPerRound));
    }
    if ('python' in python && round % 2 === 0) await measurePeers(python.python, torch);
  }
  for (const { engine } of contestants) await engine.close();
  await probe.close();

  const rate = median(gemm);
  const share = (shape: Shape, stepMs: number): string => (flops(shape) / stepMs / 1e6 / rate).toFixed(2);
  return {
    title: 'Training step: MMoE, 8 experts of 256-128, towers of 64, batch 1024, Adam',
    columns: ['network', 'by', 'examples/s', 'ms per step', 'share of raw GEMM'],
    rows: [
      ['product of 1024 x 1024 matrices', `ONNX Runtime, ${threads} threads`, `${rate.toFixed(0)} GFLOP/s`, '', '1.00'],
      ...contestants.map(({ name, shape, stepMs }) => {
        const ms = median(stepMs);
        const shared = shape.requests < rows ? 'less work' : share(shape, ms);
        return [shape.name, name, Math.round((rows / ms) * 1000), Number(ms.toFixed(1)), shared];
      }),
      ...[...torch].map(([name, speeds]) => {
        const speed = median(speeds);
        return [name, 'PyTorch', Math.round(speed), Number(((rows / speed) * 1000).toFixed(1)), ''];
      }),
    ],
    notes: [
      `Medians of ${rounds} rounds in which everything took turns. Six floating-point operations per weight and row are counted.`,
      `Engines are asked for steps one after the other, batches ready: transfers, noise, update of the weights included.`,
      ...('reason' in tfjsNode ? [`tfjs-node is not beside it: ${tfjsNode.reason}.`] : []),
      ...('reason' in python ? [`PyTorch is not beside it: ${python.reason}.`] : []),
    ],
  };
};

/** Milliseconds per step over a few steps, their batches made before. */
const measure = async ({ shape, engine }: Contestant, steps: number): Promise<number> => {
  const batches = Array.from({ length: steps }, (_, seed) => batchOf(shape, seed));
  const start = performance.now();
  await Promise.all(batches.map((batch) => engine.step(batch)));
  // The last step's weights are moved after it was answered.
  await engine.predict(batchOf({ ...shape, requests: 1 }, 0, 1));
  return (performance.now() - start) / steps;
};

const products = async (probe: GemmProbe): Promise<number[]> => {
  const rates: number[] = [];
  for (let i = 0; i < 5; i++) rates.push(await probe.measure());
  return rates;
};

const measurePeers = async (python: string, into: Map<string, number[]>): Promise<void> => {
  for (const { name, peer } of shapes) {
    if (peer === undefined) continue;
    const variants = {
      [name]: peer,
      ...(peer['inputs'] === 682 ? { [`${name}, embeddings gathered`]: { ...peer, tables: 42 } } : {}),
    };
    for (const [variant, options] of Object.entries(variants)) {
      const { examplesPerSecond } = (await runPeer(python, 'pytorch_mmoe.py', { ...options, threads, steps: 20 })) as {
        examplesPerSecond: number;
      };
      into.set(variant, [...(into.get(variant) ?? []), examplesPerSecond]);
    }
  }
};

const definitionOf = ({ tasks, dropout }: Shape): RankerDefinition => ({
  name: 'bench',
  features: {},
  tasks: Object.fromEntries(
    Array.from({ length: tasks }, (_, index) => [
      `task_${index}`,
      index === 5 ? { kind: 'regression', label: 'seconds' } : { kind: 'binary', label: 'label' },
    ]),
  ),
  network: { kind: 'mmoe', experts: 8, expert_layers: [256, 128], towers: [64], dropout },
  score: { form: 'sum', weights: { task_0: 1 } },
});

const optionsOf = (shape: Shape): EngineOptions => ({
  definition: definitionOf(shape),
  layout: { ...shape, biasCells: 0 },
  seed: 1,
  threads,
});

/** Forward, gradient of the weights, gradient of what came in: two operations per weight and row each. */
const flops = (shape: Shape): number => {
  const { network, tasks } = definitionOf(shape);
  const { requestWidth, candidateWidth } = shape;
  const named = Object.entries(tasks).map(([name, task]) => ({ name, task }));
  const { multiplications } = createNetwork({ definition: network, tasks: named, requestWidth, candidateWidth });
  return 6 * rows * (multiplications.perCandidate + multiplications.perRequest);
};

const batchOf = ({ requests, requestWidth, candidateWidth, tasks }: Shape, seed: number, count = rows): StepBatch => {
  const values = (size: number): Float32Array =>
    Float32Array.from({ length: size }, (_, i) => Math.sin(i * 12.9898 + seed));
  return {
    requests,
    rows: count,
    request: values(requests * requestWidth),
    candidate: values(count * candidateWidth),
    requestOf: Int32Array.from({ length: count }, (_, row) => Math.floor((row * requests) / count)),
    labels: values(count * tasks).map((value) => (value > 0 ? 1 : 0)),
    weights: new Float32Array(count * tasks).fill(1 / count),
    bias: new Int32Array(count).fill(-1),
    seed,
    learningRate: 1e-3,
  };
};
