import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { RankerDefinition } from '../../../src/definition/index.js';
import { decodeModel, tf } from '../../../training/compile/index.js';
import { createEagerEngine } from '../../../training/fit/engine/eager.js';
import { compileServingGraph, createOnnxEngine } from '../../../training/fit/engine/index.js';
import { reversalAt } from '../../../training/fit/engine/reversal.js';
import type { LabelScaling } from '../../../training/fit/labels.js';
import type { Engine, EngineOptions } from '../../../training/fit/types.js';
import { batchOf, busyRanker, largestDifference, layout, optionsOf, quietRanker } from './builder.js';

beforeAll(() => tf.setBackend('cpu'));

const bias = {
  input: { kind: 'input', features: ['position'], positions: 3, dropout: 0.1 },
  missing: { kind: 'input', features: ['position'], positions: 3, dropout: 0.1, serve_as: 'missing' },
  adversarial: { kind: 'adversarial', features: ['position'], positions: 3, weight: 0.7, ramp: 0.5 },
} as const satisfies Record<string, RankerDefinition['bias']>;

const { network: quietNetwork, ...rest } = quietRanker();
const untreated: EngineOptions = {
  ...optionsOf({ name: rest.name, features: {}, tasks: rest.tasks, network: quietNetwork, score: rest.score }),
  layout: { ...layout, biasCells: 0 },
};

const open: Engine[] = [];
const opened = (engine: Engine): Engine => {
  open.push(engine);
  return engine;
};
const onnx = async (options: EngineOptions): Promise<Engine> => opened(await createOnnxEngine(options));
const eager = (options: EngineOptions): Engine => opened(createEagerEngine('tfjs-node', 'cpu', options));
afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
});

const scaling: LabelScaling = Object.entries(busyRanker().tasks).map(([name, { kind }]) => ({
  name,
  kind,
  transform: 'none',
  mean: 0,
  deviation: 1,
  weight: 1,
}));

const networks: Record<string, RankerDefinition['network']> = {
  'mmoe on a bottom': busyRanker().network,
  'mmoe on the inputs': { kind: 'mmoe', experts: 3, expert_layers: [6], towers: [5], gate_dropout: 0.2 },
  'a shared bottom': { kind: 'shared_bottom', bottom: [8], towers: [5] },
};

describe.each(Object.entries(networks))('%s', (_, network) => {
  test.each(['input', 'adversarial'] as const)('%s: the compiled step moves weights as tfjs does', async (kind) => {
    const definition = { ...busyRanker(), network, bias: bias[kind] };
    const [compiled, plain] = [await onnx(optionsOf(definition)), eager(optionsOf(definition))];
    for (const lists of [
      [3, 1, 4],
      [1, 1, 1],
      [20, 2],
    ]) {
      for (const engine of [compiled, plain]) {
        await engine.step(batchOf({ lists, seed: lists.length }));
        await engine.step({ ...batchOf({ lists, seed: 9 }), progress: 0.2 });
      }
    }
    expect(largestDifference(await compiled.state(), await plain.state())).toBeLessThan(2e-5);
    const [served, expected] = [await compiled.predict(batchOf()), await plain.predict(batchOf())];
    served.forEach((logit, i) => expect(logit).toBeCloseTo(expected[i]!, 4));
  });
});

describe('the position as an input', () => {
  const definition = (serveAs: 'input' | 'missing'): RankerDefinition => ({ ...quietRanker(), bias: bias[serveAs] });
  const trained = async (kind: 'input' | 'missing') => {
    const engine = await onnx(optionsOf(definition(kind)));
    for (let seed = 0; seed < 3; seed++) await engine.step(batchOf({ seed }));
    return engine;
  };

  test('is served as the first place, or as missing: the bottom’s bias with the weights of that place, or without', async () => {
    for (const kind of ['input', 'missing'] as const) {
      const engine = await trained(kind);
      const state = new Map(await engine.state());
      const served = await engine.predict(batchOf());
      const screen = state.get('parameters/bottom/0/screen')!;
      const offset = state.get('parameters/bottom/0/bias')!;
      expect(screen.length).toBe(3 * offset.length);
      // The same network without the input, whose bias takes over what the constant adds.
      const folded = offset.map((value, unit) => value + (kind === 'input' ? screen[unit]! : 0));
      const plain = await onnx(untreated);
      const kept = [...(await plain.state()).keys()].map((name) => [name, state.get(name)!] as const);
      await plain.load(new Map([...kept, ['parameters/bottom/0/bias', folded]]));
      const expected = await plain.predict(batchOf());
      served.forEach((logit, i) => expect(logit).toBeCloseTo(expected[i]!, 5));
    }
  });

  test('is a constant of the serving graph, which takes no position', async () => {
    const state = await (await trained('input')).state();
    const { bytes } = compileServingGraph({ definition: definition('input'), layout, scaling, state });
    const { graph } = decodeModel(bytes);
    expect(graph.input.map(({ name }) => name)).toEqual(['request', 'candidate', 'request_of']);
    expect(graph.initializer.some(({ name }) => name === 'bottom/0/screen')).toBe(true);
  });

  test('explains what the position explains: with it, labels that follow the position alone are learned', async () => {
    const engine = await onnx(optionsOf({ ...definition('input'), bias: { ...bias.input, dropout: 0 } }));
    const losses: number[] = [];
    for (let seed = 0; seed < 60; seed++) {
      const batch = batchOf({ seed, lists: [16, 16, 16, 16], learningRate: 0.02 });
      batch.labels.forEach((_, i) => (batch.labels[i] = batch.bias[Math.floor(i / 3)] === 0 ? 1 : 0));
      batch.weights.fill(1 / batch.rows);
      const step = await engine.step(batch);
      losses.push(step.losses[0]!);
    }
    expect(losses.at(-1)!).toBeLessThan(0.1);
  });
});

describe('the adversary', () => {
  const definition: RankerDefinition = { ...quietRanker(), bias: bias.adversarial };

  test('sends nothing below at the beginning, and turns its gradient around later', async () => {
    const engine = await onnx(optionsOf(definition));
    const plain = await onnx(untreated);
    const still = batchOf({ learningRate: 0 });
    const gradientAt = async (progress: number): Promise<Float32Array> =>
      (await engine.step({ ...structuredClone(still), progress })).candidateGradient;
    const start = await gradientAt(0);
    const { candidateGradient: tasksAlone } = await plain.step(structuredClone(still));
    start.forEach((g, i) => expect(g).toBeCloseTo(tasksAlone[i]!, 6));
    // gradient = tasks - strength * adversary: two strengths give the same adversary.
    const [early, late] = [await gradientAt(0.1), await gradientAt(0.5)];
    const [weak, strong] = [0.1, 0.5].map((progress) => reversalAt(progress, bias.adversarial)) as [number, number];
    const pushes = [...late].map((g, i) => (tasksAlone[i]! - g) / strong);
    expect(Math.max(...pushes.map(Math.abs))).toBeGreaterThan(1e-3);
    pushes.forEach((push, i) => expect(tasksAlone[i]! - early[i]!).toBeCloseTo(weak * push, 6));
  });

  test('is no part of what is answered, sealed or served', async () => {
    const engine = await onnx(optionsOf(definition));
    const { losses } = await engine.step(batchOf());
    expect(losses.length).toBe(3);
    const state = await engine.state();
    expect([...state.keys()].filter((name) => name.startsWith('parameters/adversary/')).length).toBe(4);
    const { graph } = decodeModel(compileServingGraph({ definition, layout, scaling, state }).bytes);
    expect(graph.initializer.filter(({ name }) => /adversary|screen|bias\/weights/.test(name ?? ''))).toEqual([]);
  });

  test('rows without a position count nothing for it, a batch of them neither', async () => {
    const engine = await onnx(optionsOf(definition));
    const before = await engine.state();
    const batch = batchOf();
    const { losses } = await engine.step({ ...batch, bias: batch.bias.fill(-1) });
    expect(losses.every(Number.isFinite)).toBe(true);
    const after = await engine.state();
    for (const [name, values] of before) {
      if (name.startsWith('parameters/adversary/')) expect(after.get(name)).toEqual(values);
    }
  });

  test('hides the position: what the bottom carries of it falls, while the tasks are learned', async () => {
    /** How well a position that is written into the inputs is told from the bottom (chance: ln 3), and the task's loss. */
    const toldAfter = async (weight: number): Promise<{ told: number; task: number }> => {
      const treated = { ...definition, bias: { ...bias.adversarial, weight, ramp: 0 } };
      const engine = await onnx(optionsOf(treated));
      let task = Number.NaN;
      for (let seed = 0; seed < 150; seed++) {
        const { losses } = await engine.step(revealing(seed));
        task = losses[0]!;
      }
      return { told: adversaryLoss(await engine.state(), revealing(1000)), task };
    };
    const [seen, hidden] = [await toldAfter(1e-6), await toldAfter(1)];
    expect(seen.told).toBeLessThan(0.6);
    expect(hidden.told).toBeGreaterThan(0.9 * Math.log(3));
    expect(hidden.task).toBeLessThan(0.6);
  });
});

/** Rows whose first input is their position, and whose label follows the second. */
function revealing(seed: number) {
  const batch = batchOf({ seed, lists: new Array<number>(32).fill(4), learningRate: 0.01 });
  for (let row = 0; row < batch.rows; row++) {
    batch.bias[row] = row % 3;
    batch.candidate[4 * row] = (row % 3) - 1;
    for (let task = 0; task < 3; task++) batch.labels[3 * row + task] = batch.candidate[4 * row + 1]! > 0 ? 1 : 0;
  }
  batch.weights.fill(1 / batch.rows);
  return batch;
}

/** Mean cross-entropy of the adversary's own guess, in plain loops. */
function adversaryLoss(state: ReadonlyMap<string, Float32Array>, batch: ReturnType<typeof batchOf>): number {
  const of = (name: string): Float32Array => state.get(`parameters/${name}`)!;
  const dense = (x: readonly number[], name: string, rectified: boolean): number[] => {
    const [weights, offset] = [of(`${name}/weights`), of(`${name}/bias`)];
    return [...offset].map((start, unit) => {
      const value = x.reduce((sum, v, i) => sum + v * weights[i * offset.length + unit]!, start);
      return rectified ? Math.max(0, value) : value;
    });
  };
  let total = 0;
  for (let row = 0; row < batch.rows; row++) {
    const request = batch.requestOf[row]!;
    const inputs = [
      ...batch.request.subarray(request * layout.requestWidth, (request + 1) * layout.requestWidth),
      ...batch.candidate.subarray(row * layout.candidateWidth, (row + 1) * layout.candidateWidth),
    ];
    const logits = dense(dense(dense(inputs, 'bottom/0', true), 'adversary/hidden', true), 'adversary/cells', false);
    total += Math.log(logits.reduce((sum, z) => sum + Math.exp(z), 0)) - logits[batch.bias[row]!]!;
  }
  return total / batch.rows;
}

test('the reversal rises as in Ganin et al.', () => {
  const rule = { weight: 2, ramp: 0.5 };
  expect(reversalAt(0, rule)).toBe(0);
  expect(reversalAt(0.25, rule)).toBeCloseTo(2 * Math.tanh(2.5), 10);
  expect(reversalAt(1, rule)).toBe(reversalAt(0.5, rule));
  expect(reversalAt(0, { weight: 2, ramp: 0 })).toBeCloseTo(2, 3);
});
