import { openArtifacts, sealArtifact } from '../src/artifact/index.js';
import { fieldOf, loadRanker, type FeatureDefinition, type RankerDefinition } from '../src/definition/index.js';
import { EmbeddingTable } from '../src/embeddings/index.js';
import {
  createEncoder,
  createFeatureReader,
  createFeatureState,
  createTransformFitter,
  embeddingLookups,
  inputLayout,
  selectRequests,
  type FeatureParameters,
  type FeatureState,
  type Fields,
  type InputLayout,
  type NetworkInputs,
  type RankingInput,
} from '../src/features/index.js';
import { openGraph } from '../src/inference/index.js';
import type { TensorSpec } from '../training/compile/index.js';
import { compileServingGraph, quantise, type LabelScaling } from '../training/fit/index.js';
import { createNetwork, initialParameters } from '../training/network/index.js';

/** A seeded source of whole numbers (Lehmer): what is measured must not depend on luck. */
const seeded = (seed: number): { next(): number; below(bound: number): number } => {
  let state = seed;
  const next = (): number => (state = (state * 48271) % 0x7fffffff) * 2;
  return { next, below: (bound) => Math.floor((next() / 2 ** 32) * bound) };
};
type Random = ReturnType<typeof seeded>;

export const candidatesPerRequest = 200;
const users = 500;
/** A prime, so that any step through the items meets each before it repeats. */
const items = 4999;

/** A definition with made-up people, videos and weights: what serving costs does not depend on what was learned. */
export interface ServingModel {
  readonly definition: RankerDefinition;
  /** Fields by id, as they would be put. */
  readonly items: readonly (Fields & { readonly id: string })[];
  readonly users: readonly (Fields & { readonly id: string })[];
  readonly contexts: readonly Fields[];
  /** What was fitted, learned and remembered, as it was sealed. */
  readonly parameters: FeatureParameters;
  readonly tables: ReadonlyMap<string, EmbeddingTable>;
  readonly state: FeatureState;
  /** The request side computed once per request, and the same network with all inputs on the candidate side. */
  readonly split: { readonly graph: Uint8Array; readonly inputs: NetworkInputs };
  readonly joined: { readonly graph: Uint8Array; readonly inputs: NetworkInputs };
  /** `split` with its hidden layers in int8. */
  readonly rounded: { readonly graph: Uint8Array; readonly inputs: NetworkInputs };
}

/** By what its hidden layers are computed in, folders into which the model is sealed as the active version. */
export interface Folders {
  readonly float32: string;
  readonly int8?: string;
}

/** Makes the model and seals it, once for each folder. */
export const makeServingModel = async (file: string, models: Folders): Promise<ServingModel> => {
  const { definition, text } = await loadRanker(file);
  const random = seeded(17);
  const made: Made = {
    items: entities(definition, 'candidate', { count: items, random }),
    users: entities(definition, 'user', { count: users, random }),
    contexts: Array.from({ length: 50 }, () => fieldsOf(definition, 'context', random)),
  };
  const state = createFeatureState(definition);
  const reader = createFeatureReader({ definition, state });
  const sample = reader.read(Array.from({ length: 20 }, () => inputOf(made, random)));
  const fitter = createTransformFitter(definition);
  fitter.observe(sample);
  const parameters = fitter.finish();
  const layout = inputLayout(definition);
  const tables = new Map(layout.tables.map(({ name, dim }) => [name, new EmbeddingTable({ dim, seed: 1 })]));
  for (const { slot, keys } of embeddingLookups(layout, sample)) tables.get(slot.table ?? '')?.admit(keys, 0);
  const encoder = createEncoder({ definition, parameters, tables });

  const weights = drawWeights(definition, layout, random);
  const split = graphOf(definition, layout, weights);
  const width = layout.requestWidth + layout.candidateWidth;
  // The request's rows of the weights come first, so that the same ones serve.
  const joined = graphOf(definition, { ...layout, requestWidth: 0, candidateWidth: width }, weights);
  const one = reader.read([inputOf(made, random)]);
  const rounded = await quantise({ model: split, sample: encoder.encode(sample) });
  const golden = selectRequests(sample, [0]);
  const nowMs = Date.now();
  const now = new Date(nowMs).toISOString();
  for (const [directory, { bytes: graph, ...facts }] of [
    [models.float32, split],
    [models.int8, rounded],
  ] as const) {
    if (directory === undefined) continue;
    const heads = await scored(graph, encoder.encode(golden));
    const { version } = await sealArtifact({
      directory,
      nowMs,
      model: { graph, parameters, tables, state: state.snapshot(), golden: { batch: golden, heads } },
      facts: {
        definition: { text, value: definition },
        graph: { opset: facts.opset, inputs: plain(facts.inputs), outputs: plain(facts.outputs) },
        data: { from: now, until: now, rows: sample.rows },
        seed: 17,
        metrics: {},
        trainer: { made: 'for the serving benchmark' },
      },
    });
    await openArtifacts(directory).activate(definition.name, version);
  }
  const inputs = encoder.encode(one);
  return {
    definition,
    ...made,
    ...{ parameters, tables, state },
    split: { graph: split.bytes, inputs },
    joined: { graph: joined.bytes, inputs: joinSides(inputs, layout.requestWidth) },
    rounded: { graph: rounded.bytes, inputs },
  };
};

const plain = (specs: readonly TensorSpec[]) =>
  specs.map(({ name, dtype, shape }) => ({ name, dtype, shape: [...shape] }));

const scored = async (graph: Uint8Array, inputs: NetworkInputs): Promise<Float32Array> => {
  const session = await openGraph(graph, 'cpu');
  const { heads } = await session.run(inputs);
  await session.release();
  return heads;
};

type Widths = Pick<InputLayout, 'requestWidth' | 'candidateWidth' | 'biasCells'>;
type Weights = ReturnType<typeof initialParameters>;

const drawWeights = (definition: RankerDefinition, layout: Widths, random: Random): Weights => {
  const tasks = Object.entries(definition.tasks).map(([name, task]) => ({ name, task }));
  return initialParameters(createNetwork({ definition: definition.network, tasks, ...layout }), random);
};

const graphOf = (
  definition: RankerDefinition,
  layout: Widths,
  weights: Weights,
): ReturnType<typeof compileServingGraph> => {
  const scaling: LabelScaling = Object.entries(definition.tasks).map(([name, task]) => ({
    name,
    kind: task.kind,
    transform: task.transform ?? 'none',
    mean: 1,
    deviation: 1,
    weight: 1,
  }));
  const state = new Map([...weights].map(([name, values]) => [`parameters/${name}`, values]));
  return compileServingGraph({ definition, layout, scaling, state });
};

/** [rows, request + candidate width], each row with its own copy of the request's inputs. */
const joinSides = (inputs: NetworkInputs, requestWidth: number): NetworkInputs => {
  const { rows, request, candidate, requestOf } = inputs;
  const candidateWidth = candidate.length / rows;
  const width = requestWidth + candidateWidth;
  const all = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const first = (requestOf[row] ?? 0) * requestWidth;
    all.set(request.subarray(first, first + requestWidth), row * width);
    all.set(candidate.subarray(row * candidateWidth, (row + 1) * candidateWidth), row * width + requestWidth);
  }
  return { requests: inputs.requests, rows, request: new Float32Array(0), candidate: all, requestOf };
};

type Made = Pick<ServingModel, 'items' | 'users' | 'contexts'>;

/** Which user, screen and candidates a made-up request has. */
const drawRequest = (made: Made, random: Random, count: number = candidatesPerRequest) => {
  const first = random.below(items);
  const step = 1 + random.below(items - 1);
  return {
    user: made.users[random.below(users)] ?? { id: 'u0' },
    context: made.contexts[random.below(made.contexts.length)] ?? {},
    candidates: Array.from({ length: count }, (_, at) => made.items[(first + at * step) % items]),
  };
};

/** "ids" requests name users and items whose fields were put before; "fields" requests carry every field. */
export type Form = 'ids' | 'fields';

/** Bodies of rank requests: the same requests in either form, every time. */
export const bodiesOf = (
  made: Made,
  { form, count, candidates }: { readonly form: Form; readonly count: number; readonly candidates?: number },
): string[] => {
  const random = seeded(5);
  return Array.from({ length: count }, () => {
    const body = drawRequest(made, random, candidates);
    if (form === 'fields') return JSON.stringify(body);
    const { user, context } = body;
    const named = body.candidates.map((item) => ({ id: item?.id }));
    return JSON.stringify({ user: { id: user.id }, context, candidates: named });
  });
};

const inputOf = (made: Made, random: Random): RankingInput => {
  const { user, context, candidates } = drawRequest(made, random);
  return {
    time: Date.now(),
    user: { ...user, user_id: user.id },
    context,
    candidates: candidates.map((candidate) => ({ ...candidate, item_id: candidate?.id })),
  };
};

const filledIn = ['user_id', 'item_id'];

const entities = (
  definition: RankerDefinition,
  scope: FeatureDefinition['scope'],
  { count, random }: { readonly count: number; readonly random: Random },
): (Fields & { readonly id: string })[] =>
  Array.from({ length: count }, (_, index) => ({
    ...fieldsOf(definition, scope, random),
    id: `${scope === 'user' ? 'u' : 'i'}${index}`,
  }));

const fieldsOf = (definition: RankerDefinition, scope: FeatureDefinition['scope'], random: Random): Fields =>
  Object.fromEntries(
    Object.entries(definition.features).flatMap(([name, feature]) => {
      const field = fieldOf(name, feature);
      if (feature.scope !== scope || filledIn.includes(field)) return [];
      const value = valueOf(feature, random);
      return value === undefined ? [] : [[field, value] as const];
    }),
  );

const valueOf = (feature: FeatureDefinition, random: Random): Fields[string] => {
  switch (feature.kind) {
    case 'id':
      return `x${random.below(3000)}`;
    case 'category':
      return feature.values?.[random.below(feature.values.length)]?.toString() ?? `c${random.below(20)}`;
    case 'number':
      return random.below(10_000) / 10;
    case 'time':
      return feature.unit === 'age' ? Date.now() - random.below(1000) * 86_400_000 : undefined;
    case 'ids':
      return Array.from({ length: random.below(20) }, () => `i${random.below(items)}`);
    case 'vector':
      return Array.from({ length: feature.width }, () => random.below(1000) / 1000);
    case 'history':
    case 'rate':
    case 'count':
      return undefined;
  }
};
