import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as ort from 'onnxruntime-node';
import { createOnnxEngine, compileServingGraph } from '../../../training/fit/engine/index.js';
import type { CompiledModel } from '../../../training/compile/index.js';
import { decodeModel } from '../../../training/compile/index.js';
import type { LabelScaling } from '../../../training/fit/labels.js';
import type { NamedArrays } from '../../../training/fit/types.js';
import { batchOf, busyRanker, layout, optionsOf } from './builder.js';

const scaling: LabelScaling = [
  { name: 'click', kind: 'binary', transform: 'none', mean: 0.3, deviation: 1, weight: 1 },
  { name: 'watch', kind: 'regression', transform: 'log1p', mean: 2, deviation: 1.5, weight: 1 },
  { name: 'like', kind: 'binary', transform: 'none', mean: 0.1, deviation: 1, weight: 1 },
];
const definition = busyRanker();
let state: NamedArrays;
let model: CompiledModel;
let session: ort.InferenceSession;
let logits: Float32Array;

beforeAll(async () => {
  const engine = await createOnnxEngine(optionsOf(definition));
  for (let seed = 0; seed < 3; seed++) await engine.step(batchOf({ seed }));
  state = await engine.state();
  logits = await engine.predict(batchOf());
  await engine.close();
  model = compileServingGraph({ definition, layout, scaling, state, metadata: { ranker: 'busy' } });
  session = await ort.InferenceSession.create(model.bytes);
});
afterAll(() => session.release());

async function served(on: ort.InferenceSession, lists?: number[]) {
  const { requests, rows, request, candidate, requestOf } = batchOf(lists === undefined ? {} : { lists });
  const { heads, gates } = await on.run({
    request: new ort.Tensor('float32', request, [requests, layout.requestWidth]),
    candidate: new ort.Tensor('float32', candidate, [rows, layout.candidateWidth]),
    request_of: new ort.Tensor('int32', requestOf, [rows]),
  });
  return { heads: heads!, gates };
}

describe('the serving graph', () => {
  test('answers the engine’s logits in natural units', async () => {
    const { heads } = await served(session);
    expect(heads.dims).toEqual([8, 3]);
    const values = heads.data as Float32Array;
    logits.forEach((logit, i) => {
      const expected = i % 3 === 1 ? Math.expm1(2 + 1.5 * logit) : 1 / (1 + Math.exp(-logit));
      expect(values[i]! / expected).toBeCloseTo(1, 4);
    });
  });

  test('undoes scaling alone where labels were not transformed, even where e to the value would overflow', async () => {
    const seconds = scaling.map((task) =>
      task.name === 'watch' ? { ...task, transform: 'none' as const, mean: 1e6 } : task,
    );
    const plain = compileServingGraph({ definition, layout, scaling: seconds, state });
    const other = await ort.InferenceSession.create(plain.bytes);
    const values = (await served(other)).heads.data as Float32Array;
    logits.forEach((logit, i) => {
      if (i % 3 === 1) expect(values[i]).toBeCloseTo(1e6 + 1.5 * logit, -0.5);
      else expect(values[i]).toBeCloseTo(1 / (1 + Math.exp(-logit)), 5);
    });
    await other.release();
  });

  test('shows the gates, each a distribution over experts', async () => {
    const { gates } = await served(session);
    expect(gates!.dims).toEqual([8, 3, 3]);
    const values = gates!.data as Float32Array;
    for (let i = 0; i < values.length; i += 3) expect(values[i]! + values[i + 1]! + values[i + 2]!).toBeCloseTo(1, 5);
  });

  test('takes any number of requests and rows', async () => {
    for (const lists of [[1], [200], [1, 1, 1], [3, 17]]) {
      const rows = lists.reduce((a, b) => a + b);
      expect((await served(session, lists)).heads.dims).toEqual([rows, 3]);
    }
  });

  test('holds standard operators, the weights, what it takes and gives, and its metadata', () => {
    const { graph, opsetImport, metadataProps } = decodeModel(model.bytes);
    expect(opsetImport.map(({ domain }) => domain)).toEqual(['']);
    expect(graph.input.map(({ name }) => name)).toEqual(['request', 'candidate', 'request_of']);
    expect(graph.output.map(({ name }) => name)).toEqual(['heads', 'gates']);
    expect(graph.initializer.some(({ name }) => name === 'bias/weights')).toBe(false);
    expect(metadataProps).toContainEqual(expect.objectContaining({ key: 'ranker', value: 'busy' }));
  });
});
