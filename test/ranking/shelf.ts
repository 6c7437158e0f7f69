import { parseDefinition, type RankerDefinition } from '../../src/definition/index.js';
import {
  createFeatureReader,
  createFeatureState,
  createMemoryStore,
  type FeatureBatch,
  type Outcome,
} from '../../src/features/index.js';
import type { Rankers, Scorer, Scores, ServedModel } from '../../src/inference/index.js';
import { createEntities, createRanking, type Entities, type Rank, type RankRequest } from '../../src/ranking/index.js';
import { createMetrics, silentLogger, type Metrics } from '../../src/telemetry/index.js';
import { WatchnextError } from '../../src/errors.js';

export const shelfText = (edit: Readonly<Record<string, string>> = {}): string => {
  let text = `name: shelf
features:
  taste: {kind: number, scope: user, encode: raw}
  device: {kind: category, scope: context, values: [phone, tv]}
  item_id: {kind: id, scope: candidate, dim: 2}
  quality: {kind: number, scope: candidate, encode: raw}
  popularity: {kind: rate, scope: candidate, key: item_id, of: [click, watch], prior: 10}
tasks:
  click: {kind: binary, label: clicked}
  watch: {kind: regression, label: seconds}
network: {kind: shared_bottom, bottom: [4], towers: [4]}
score: {form: product, weights: {click: 1, watch: 0.5}, bounds: {click: [0, 2]}}
training: {feedback_delay: 0s}
`;
  for (const [from, to] of Object.entries(edit)) {
    if (!text.includes(from)) throw new Error(`the shelf has no "${from}"`);
    text = text.replace(from, to);
  }
  return text;
};

/** A small ranker whose heads a test can work out by hand; `edit` replaces parts of its YAML. */
export const shelf = (edit: Readonly<Record<string, string>> = {}): RankerDefinition =>
  parseDefinition(shelfText(edit), 'shelf.yaml');

/** Heads by what a candidate's quality and its user's taste are: click = taste + quality / 10, watch = 10 · quality. */
export const plainHeads = (batch: FeatureBatch): Float32Array => {
  const number = (name: string, index: number): number => {
    const column = batch.columns.get(name);
    return column?.type === 'numbers' ? column.values[index]! : NaN;
  };
  return Float32Array.from({ length: batch.rows * 2 }, (_, at) => {
    const row = at >> 1;
    const quality = number('quality', row);
    return at % 2 === 0 ? number('taste', batch.requestOf[row]!) + quality / 10 : 10 * quality;
  });
};

export const scorerOf = (score: (batch: FeatureBatch) => Scores | Promise<Scores>, version = 'v1'): Scorer => ({
  version,
  tasks: ['click', 'watch'],
  device: 'cpu',
  score: (batch) => Promise.resolve(batch).then(score),
  close: () => Promise.resolve(),
});

export const modelOf = (
  options: { definition?: RankerDefinition; scorer?: Scorer; outcomes?: readonly Outcome[] } = {},
): ServedModel => {
  const definition = options.definition ?? shelf();
  const state = createFeatureState(definition);
  state.observe(options.outcomes ?? []);
  const scorer = options.scorer ?? scorerOf((batch) => ({ heads: plainHeads(batch) }));
  return {
    ranker: definition.name,
    version: scorer.version,
    definition,
    about: {},
    reader: createFeatureReader({ definition, state }),
    scorer,
    close: () => scorer.close(),
  };
};

/** Rankers that serve one model for ever. */
export const onlyRanker = (model: ServedModel): Rankers => {
  const status = { ranker: model.ranker, active: model.version, versions: [model.version] };
  const known = (ranker: string): void => {
    if (ranker !== model.ranker) throw new WatchnextError('ranker_unknown', `There is no ranker ${ranker}.`);
  };
  return {
    ready: true,
    notReady: undefined,
    definitions: [model.definition],
    use: async (ranker, work) => {
      known(ranker ?? model.ranker);
      return work(model);
    },
    definitionOf: (ranker, version) =>
      version === undefined && (ranker ?? model.ranker) === model.ranker ? model.definition : undefined,
    list: () => Promise.resolve([status]),
    activate: (ranker, version) => Promise.resolve().then(() => (known(ranker), { ...status, active: version })),
    rollback: (ranker) => Promise.resolve().then(() => (known(ranker), status)),
    close: () => Promise.resolve(),
  };
};

export interface Bench {
  readonly rank: Rank;
  readonly entities: Entities;
  readonly metrics: Metrics;
  readonly rankers: Rankers;
}

export const ranking = (model: ServedModel = modelOf(), options: { entities?: Entities } = {}): Bench => {
  const metrics = createMetrics();
  const now = (): number => 1_000_000;
  const entities = options.entities ?? createEntities({ store: createMemoryStore(), metrics, now });
  const rankers = onlyRanker(model);
  const rank = createRanking({ rankers, entities, metrics, logger: silentLogger, now });
  return { rank, entities, metrics, rankers };
};

/** A request for candidates of these qualities, ids a, b, c, … */
export const requestFor = (qualities: readonly number[], more: Partial<RankRequest> = {}): RankRequest => ({
  requestId: 'r1',
  user: { id: 'u1', fields: { taste: 0.2 } },
  candidates: qualities.map((quality, index) => ({ id: String.fromCharCode(97 + index), fields: { quality } })),
  ...more,
});
