import { describe, expect, test } from '@jest/globals';
import { parseDefinition } from '../../src/definition/index.js';
import { decodeEvent, encodeEvent, wholeImpression, type Impression } from '../../src/events/index.js';
import {
  createEncoder,
  createFeatureReader,
  createFeatureState,
  createTransformFitter,
} from '../../src/features/index.js';
import { openGraph } from '../../src/inference/index.js';
import { combine, orderRandom, sampleOrder, type OrderPolicy } from '../../src/policy/index.js';
import { impressionOf } from '../../src/ranking/impression.js';
import { compareReplay, replayImpression, type ReplayedModel } from '../../src/ranking/index.js';
import { encodeModel, GraphBuilder } from '../../training/compile/index.js';
import { SeededRandom } from '../../training/fit/random.js';
import { modelOf } from './shelf.js';

const width = 24;
const definition = parseDefinition(
  `name: wide
features:
  mood: {kind: vector, scope: user, width: ${width}}
  look: {kind: vector, scope: candidate, width: ${width}}
tasks:
  click: {kind: binary, label: clicked}
  watch: {kind: regression, label: seconds}
network: {kind: shared_bottom, bottom: [4], towers: [4]}
score: {form: product, weights: {click: 1, watch: 0.5}}
training: {feedback_delay: 0s}
`,
  'wide.yaml',
);
const numbers = (random: SeededRandom, length: number): Float32Array =>
  Float32Array.from({ length }, () => random.next() / 2 ** 31 - 1);

/** Matrix products of both sides, then a sigmoid and an exponential: what real graphs are made of. */
const graphOf = (seed: number): Uint8Array => {
  const random = new SeededRandom(seed);
  const graph = new GraphBuilder();
  const request = graph.input('request', 'float32', ['requests', 'requestWidth']);
  const candidate = graph.input('candidate', 'float32', ['rows', 'candidateWidth']);
  const requestOf = graph.input('request_of', 'int32', ['rows']);
  const product = (of: string, name: string, [from, to]: readonly [number, number]): string =>
    graph.node('MatMul', [of, graph.weight(name, numbers(random, from * to), [from, to])]);
  const ofRequest = graph.node('Gather', [product(request, 'a', [width, 32]), requestOf], { axis: 0 });
  const hidden = graph.node('Relu', [graph.node('Add', [ofRequest, product(candidate, 'b', [width, 32])])]);
  const click = graph.node('Sigmoid', [product(hidden, 'c', [32, 1])]);
  const watch = graph.node('Exp', [graph.node('Tanh', [product(hidden, 'd', [32, 1])])]);
  graph.output(graph.node('Concat', [click, watch], { axis: 1 }), 'heads', { dtype: 'float32', shape: ['rows', 2] });
  return encodeModel(graph.build('wide'));
};

const reader = createFeatureReader({ definition, state: createFeatureState(definition) });
const modelFrom = (seed: number): ReplayedModel => {
  const fitter = createTransformFitter(definition);
  fitter.observe(listOf(new SeededRandom(1), 50).batch);
  return { definition, parameters: fitter.finish(), tables: new Map(), graph: graphOf(seed) };
};
const listOf = (random: SeededRandom, rows: number) => {
  const input = {
    time: 1000,
    user: { mood: numbers(random, width) },
    context: {},
    candidates: Array.from({ length: rows }, (_, row) => ({ item_id: `i${row}`, look: numbers(random, width) })),
  };
  return { input, batch: reader.read([input]) };
};

/** Scores a list as the service does, and answers what it logs of the first `limit` items, after the log had it. */
const shownBy = async (
  model: ReplayedModel,
  rows: number,
  { limit, requestId = 'r', ...varied }: Partial<OrderPolicy> & { limit: number; requestId?: string },
): Promise<Impression> => {
  const { input, batch } = listOf(new SeededRandom(rows), rows);
  const session = await openGraph(model.graph, 'cpu');
  const { heads } = await session.run(createEncoder(model).encode(batch));
  await session.release();
  const policy = { form: 'product' as const, share: 0, temperature: 1, swaps: 0, ...varied };
  const scores = combine(heads, { form: policy.form, weights: [1, 0.5] });
  const impression = impressionOf({
    request: { requestId, candidates: input.candidates.map(({ item_id: id }) => ({ id, fields: {} })) },
    model: { ...modelOf(), definition },
    rules: {
      weights: { click: 1, watch: 0.5 },
      policy,
      limit,
      fallback: 'rates',
    },
    arms: {},
    input,
    batch,
    order: sampleOrder({ scores, limit, policy, random: orderRandom(requestId, 'shelf') }),
    scored: { heads, scores },
  });
  return wholeImpression(decodeEvent(encodeEvent(impression)) as Impression);
};

describe('a replay', () => {
  const model = modelFrom(5);

  test('gives every head, score and the order bit for bit, whatever part of however long a list was shown', async () => {
    let compared = 0;
    for (const rows of [1, 2, 3, 4, 5, 7, 8, 9, 15, 17, 31, 50, 63, 101, 200])
      for (const limit of [1, 2, 20, rows]) {
        const impression = await shownBy(model, rows, { limit });
        const replay = await replayImpression(impression, model);
        expect({ rows, limit, ...compareReplay(impression, replay) }).toEqual({
          rows,
          limit,
          unscored: false,
          differences: [],
          sameOrder: true,
        });
        compared += replay.heads.length;
      }
    expect(compared).toBeGreaterThan(1000);
  });

  test('draws again what was drawn, with the same chances, in whatever form and part of the list', async () => {
    const drawn = new Set<string>();
    for (const [rows, limit] of [
      [1, 1],
      [7, 3],
      [40, 40],
      [101, 20],
    ] as const)
      for (let request = 0; request < 12; request++) {
        const policy = {
          share: 0.4,
          swaps: 0.4,
          temperature: 0.3,
          form: request % 2 === 0 ? 'sum' : 'product',
        } as const;
        const impression = await shownBy(model, rows, { limit, requestId: `r${request}`, ...policy });
        drawn.add(impression.exploration!.drawn);
        const replay = await replayImpression(impression, model);
        expect(compareReplay(impression, replay)).toEqual({ unscored: false, differences: [], sameOrder: true });
        expect([...replay.propensities!]).toEqual(impression.items.map(({ propensity }) => propensity));
      }
    expect([...drawn].sort()).toEqual(['greedy', 'noise', 'swap']);
  });

  test('tells a chance that was logged wrong, and an order that was not the one drawn', async () => {
    const impression = await shownBy(model, 20, { limit: 5, share: 1 });
    const [first, second, ...rest] = impression.items;
    const swapped: Impression = { ...impression, items: [first!, { ...second!, propensity: 0.5 }, ...rest] };
    const { differences } = compareReplay(swapped, await replayImpression(swapped, model));
    expect(differences).toEqual([{ item: second!.id, what: 'propensity', logged: 0.5, replayed: second!.propensity }]);
    const other: Impression = { ...impression, requestId: 'another request' };
    expect(compareReplay(other, await replayImpression(other, model)).sameOrder).toBe(false);
  });

  test('by another version draws among the answered items, and knows no chances', async () => {
    const impression = await shownBy(model, 30, { limit: 6, share: 1, requestId: 'r3' });
    const replay = await replayImpression(impression, modelFrom(6), { answered: false });
    expect(replay.propensities).toBeUndefined();
    expect([...replay.order].sort()).toEqual(impression.items.map(({ id }) => id).sort());
    // The same noise in the same places: only the scores are others.
    const random = orderRandom('r3', 'shelf');
    random();
    const noise = Array.from({ length: 30 }, () => -Math.log(-Math.log(random())));
    const noisy = new Map(
      impression.items.map(({ id, row }, item) => [id, Math.log(replay.scores[item]!) + noise[row!]!]),
    );
    expect(replay.order).toEqual([...noisy.keys()].sort((a, b) => noisy.get(b)! - noisy.get(a)!));
  });

  test('by another version says what it would have answered, and that it is not the same', async () => {
    const impression = await shownBy(model, 12, { limit: 5 });
    const replay = await replayImpression(impression, modelFrom(6));
    const { differences, sameOrder } = compareReplay(impression, replay);
    expect(new Set(differences.map(({ what }) => what))).toEqual(new Set(['click', 'watch', 'score']));
    const scores = new Map(impression.items.map(({ id }, item) => [id, replay.scores[item]!]));
    const expected = impression.items.map(({ id }) => id).sort((a, b) => scores.get(b)! - scores.get(a)!);
    expect(replay.order).toEqual(expected);
    expect(sameOrder).toBe(expected.every((id, at) => id === impression.items[at]!.id));
  });

  test('tells one changed bit of one head', async () => {
    const impression = await shownBy(model, 9, { limit: 4 });
    const bits = new Uint32Array(impression.heads.slice().buffer);
    bits[3]! ^= 1;
    const changed: Impression = { ...impression, heads: new Float32Array(bits.buffer), fields: impression.fields };
    const { differences } = compareReplay(changed, await replayImpression(changed, model));
    expect(differences).toEqual([
      { item: impression.items[1]!.id, what: 'watch', logged: changed.heads[3], replayed: impression.heads[3] },
    ]);
  });

  test('of an answer that nothing could be scored for has nothing to compare', async () => {
    const scored = await shownBy(model, 6, { limit: 3 });
    const items = scored.items.map((item) => ({ ...item, score: NaN }));
    const impression: Impression = { ...scored, items, heads: new Float32Array(6).fill(NaN) };
    const comparison = compareReplay(impression, await replayImpression(impression, model));
    expect(comparison).toEqual({ unscored: true, differences: [], sameOrder: true });
  });

  test('by a version that reads what was not logged is refused with the feature', async () => {
    const impression = await shownBy(model, 6, { limit: 3 });
    const columns = new Map([...impression.features.columns].filter(([name]) => name !== 'look'));
    const less: Impression = { ...impression, features: { ...impression.features, columns } };
    await expect(replayImpression(less, model)).rejects.toMatchObject({
      code: 'data_invalid',
      message: expect.stringContaining('look'),
    });
  });
});
