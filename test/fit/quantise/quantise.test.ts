import { describe, expect, test } from '@jest/globals';
import type { RankerDefinition } from '../../../src/definition/index.js';
import type { NetworkInputs } from '../../../src/features/index.js';
import { openGraph } from '../../../src/inference/index.js';
import type { CompiledModel } from '../../../training/compile/index.js';
import { compileServingGraph } from '../../../training/fit/index.js';
import type { LabelScaling } from '../../../training/fit/labels.js';
import { createNetwork, initialParameters } from '../../../training/network/index.js';
import { quantise } from '../../../training/fit/quantise/index.js';
import { seeded } from '../../compile/runtime.js';

type Network = RankerDefinition['network'];

const layout = { requestWidth: 20, candidateWidth: 12, biasCells: 0 };
const tasks = ['click', 'like'].map((name) => ({ name, task: { kind: 'binary' as const, label: name } }));
const scaling: LabelScaling = tasks.map(({ name }) => ({
  name,
  kind: 'binary',
  transform: 'none',
  mean: 0,
  deviation: 1,
  weight: 1,
}));

/** A network with made-up weights, biases among them, in float32; `change` may make others of them. */
function graphOf(
  network: Network,
  change: (name: string, values: Float32Array) => Float32Array = (_, values) => values,
): CompiledModel {
  const random = seeded(3);
  const parts = createNetwork({ definition: network, tasks, ...layout, screenCells: 0 });
  const drawn = initialParameters(parts, { next: () => Math.floor(random() * 2 ** 32) });
  const state = new Map(
    [...drawn].map(([name, values]) => [
      `parameters/${name}`,
      change(name, name.endsWith('bias') ? values.map(() => random() - 0.5) : values),
    ]),
  );
  const definition = { name: 'made', network, tasks: Object.fromEntries(tasks.map(({ name, task }) => [name, task])) };
  return compileServingGraph({ definition, layout, scaling, state });
}

/** Requests with so many rows each; columns reach differently far, the first of the candidate's a hundred times. */
function inputsOf(lists: readonly number[], { seed = 1, far = 1 } = {}): NetworkInputs {
  const random = seeded(seed);
  const requestOf = Int32Array.from(lists.flatMap((count, request) => new Array<number>(count).fill(request)));
  const matrix = (rows: number, width: number): Float32Array =>
    Float32Array.from({ length: rows * width }, (_, at) => far * (at % width === 0 ? 10 : 0.1) * (2 * random() - 1));
  return {
    requests: lists.length,
    rows: requestOf.length,
    request: matrix(lists.length, layout.requestWidth),
    candidate: matrix(requestOf.length, layout.candidateWidth),
    requestOf,
  };
}

const sample = inputsOf(new Array<number>(40).fill(10));
const wide: Network = { kind: 'mmoe', experts: 3, expert_layers: [32, 16], towers: [8] };

async function headsOf({ bytes }: CompiledModel, inputs: NetworkInputs): Promise<Float32Array> {
  const session = await openGraph(bytes, 'cpu');
  try {
    return (await session.run(inputs)).heads;
  } finally {
    await session.release();
  }
}

const largestDifference = (some: Float32Array, others: Float32Array): number =>
  some.reduce((most, value, at) => Math.max(most, Math.abs(value - others[at]!)), 0);

describe('a graph in bytes', () => {
  test.each<[string, Network]>([
    ['experts of two layers', wide],
    ['experts above a bottom', { ...wide, bottom: [24] }],
    ['shared layers', { kind: 'shared_bottom', bottom: [32, 16], towers: [8] }],
    ['one network per task', { kind: 'independent', bottom: [16], towers: [8] }],
  ])('says nearly what it was made of says: %s', async (_, network) => {
    const model = graphOf(network);
    const rounded = await quantise({ model, sample });
    const fresh = inputsOf([7, 1, 20], { seed: 2 });
    const [exact, found] = [await headsOf(model, fresh), await headsOf(rounded, fresh)];
    expect(rounded.ops['QGemm']).toBeGreaterThan(0);
    expect(largestDifference(found, exact)).toBeLessThan(0.02);
    expect(largestDifference(found, exact)).toBeGreaterThan(0);
    // What is told apart: the heads differ by far more than that among themselves.
    expect(Math.max(...exact) - Math.min(...exact)).toBeGreaterThan(0.2);
  });

  test('scores a row the same beside any others, also beside some far beyond the sample', async () => {
    const rounded = await quantise({ model: graphOf(wide), sample });
    const one = inputsOf([3], { seed: 5 });
    const strange = inputsOf([4], { seed: 6, far: 50 });
    const both = {
      requests: 2,
      rows: 7,
      request: Float32Array.of(...strange.request, ...one.request),
      candidate: Float32Array.of(...strange.candidate, ...one.candidate),
      requestOf: Int32Array.of(0, 0, 0, 0, 1, 1, 1),
    };
    const [alone, beside] = [await headsOf(rounded, one), await headsOf(rounded, both)];
    expect(largestDifference(alone, beside.subarray(4 * tasks.length))).toBeLessThan(1e-6);
    expect(beside.every(Number.isFinite)).toBe(true);
  });

  test('hands bytes from layer to layer: only what comes in is rounded by an operator of its own', async () => {
    const { ops } = await quantise({ model: graphOf(wide), sample });
    // Per expert the rows' first layer, the request's and the second one.
    expect(ops['QGemm']).toBe(9);
    expect(ops['QuantizeLinear']).toBe(2);
  });

  test('takes a quarter of the space where nearly all weights are those of hidden layers', async () => {
    const large = graphOf({ ...wide, expert_layers: [256, 64] });
    expect((await quantise({ model: large, sample })).bytes.length).toBeLessThan(0.4 * large.bytes.length);
  });

  test('reads a column that was zero in the whole sample as float32 does, once it is 1: another hour, a rare category', async () => {
    const withHour = (inputs: NetworkInputs, hour: number): NetworkInputs => ({
      ...inputs,
      // Small beside the hour, as embeddings are.
      request: inputs.request.map((value, at) => (at % layout.requestWidth === 1 ? hour : value * 0.02)),
      candidate: inputs.candidate.map((value) => value * 0.02),
    });
    const model = graphOf(wide, (name, values) => (name.endsWith('bias') ? values.fill(0) : values));
    const rounded = await quantise({ model, sample: withHour(sample, 0) });
    const fresh = withHour(inputsOf([7, 1, 20], { seed: 2 }), 1);
    const [exact, found] = [await headsOf(model, fresh), await headsOf(rounded, fresh)];
    expect(largestDifference(found, exact)).toBeLessThan(0.005);
    const without = await headsOf(model, { ...fresh, ...withHour(fresh, 0) });
    expect(largestDifference(exact, without)).toBeGreaterThan(0.03);
  });

  describe('is not moved by', () => {
    const ofCandidates = layout.requestWidth * 96; // where the candidate's rows of the experts' first weights begin
    const fresh = inputsOf([7, 1, 20], { seed: 2 });
    const column = 3;
    const farAway = (inputs: NetworkInputs, value: number, every = 1): NetworkInputs => ({
      ...inputs,
      candidate: inputs.candidate.map((each, at) => (at % (every * layout.candidateWidth) === column ? value : each)),
    });
    const unread = (name: string, values: Float32Array): Float32Array => {
      const width = name === 'experts/0/weights' ? 96 : name === 'gates/weights' ? 6 : 0;
      const from = (layout.requestWidth + column) * width;
      return values.fill(0, from, from + width);
    };
    const weak = (name: string, values: Float32Array): Float32Array =>
      name === 'experts/0/weights' ? values.map((value, at) => (at < ofCandidates ? value : 1e-12 * value)) : values;

    test.each<[string, Parameters<typeof graphOf>[1], NetworkInputs, NetworkInputs]>([
      ['a column far out that nobody reads', unread, farAway(sample, 1e6), farAway(fresh, 1e6)],
      ['weights of candidates that are next to nothing beside those of requests', weak, sample, fresh],
      ['an infinite value in a row of the sample', undefined, farAway(sample, Infinity, 100), fresh],
      ['a missing value in a row of the sample', undefined, farAway(sample, NaN, 100), fresh],
    ])('%s', async (_, change, given, asked) => {
      const model = graphOf(wide, change);
      const [exact, found] = [
        await headsOf(model, asked),
        await headsOf(await quantise({ model, sample: given }), asked),
      ];
      expect(largestDifference(found, exact)).toBeLessThan(0.02);
      expect(Math.max(...exact) - Math.min(...exact)).toBeGreaterThan(0.2);
    });
  });

  test('without hidden layers is the graph that it was', async () => {
    const model = graphOf({ kind: 'shared_bottom', bottom: [], towers: [] });
    expect(await quantise({ model, sample })).toBe(model);
  });
});
