import { join } from 'node:path';
import { inTemporaryFolder } from '../cli/ending.js';
import { recordOf, type Exposure, type Impression } from '../src/events/index.js';
import { readConfiguration, type Experiments } from '../src/experiments/index.js';
import { createFeatureReader, createMemoryStore } from '../src/features/index.js';
import { rankRoute } from '../src/http/index.js';
import {
  openGraph,
  openSession,
  packBatch,
  unpackBatch,
  type GraphSession,
  type Rankers,
  type Scorer,
  type ServedModel,
} from '../src/inference/index.js';
import { createEntities, createRanking, type Rank } from '../src/ranking/index.js';
import { checkJsonShape } from '../src/security/index.js';
import { createMetrics, silentLogger, type Metrics } from '../src/telemetry/index.js';
import { twelveExperiments } from './experiments.js';
import { bodiesOf, candidatesPerRequest, makeServingModel, type Form, type ServingModel } from './serving-model.js';
import { median, type BenchTable } from './table.js';

const sizes = [50, 200, 1000];
const forms: readonly Form[] = ['ids', 'fields'];
/** Each round times one request of every kind, so that a busy moment of the machine meets all. */
const warmUpRounds = 30;
const rounds = 120;
const bodiesPerKind = 16;

/** What a request passes, in its order. "rules" is what ranking does beside its named stages: weights, warnings, waiting. */
const stages = [
  ...['parse', 'validate', 'assign', 'merge', 'features', 'pack', 'encode', 'infer'],
  ...['combine', 'rules', 'serialise', 'log'],
] as const;
type Stage = (typeof stages)[number];

/** Where one request's time goes: every stage of it, run one after the other on one thread, without sockets. */
export const runRequestBench = (): Promise<readonly BenchTable[]> =>
  inTemporaryFolder('watchnext-bench-', async (folder) => {
    const model = await makeServingModel('models/kuairand/ranker.yaml', { float32: join(folder, 'models') });
    const graph = await openGraph(model.split.graph, 'cpu');
    try {
      const line = await openLine(model, graph);
      const kinds = sizes.flatMap((candidates) => forms.map((form) => ({ candidates, form })));
      const bodies = kinds.map((kind) =>
        bodiesOf(model, { ...kind, count: bodiesPerKind }).map((body) => Buffer.from(body)),
      );
      const times = kinds.map(() => ({ all: [] as number[], stages: new Map<Stage, number[]>() }));
      for (let round = 0; round < warmUpRounds + rounds; round++)
        for (const [kind, each] of bodies.entries()) {
          const { allMs, stageMs } = await line(each[round % each.length] as Buffer);
          if (round < warmUpRounds) continue;
          times[kind]?.all.push(allMs);
          for (const stage of stages) {
            const list = times[kind]?.stages.get(stage) ?? [];
            times[kind]?.stages.set(stage, list);
            list.push(stageMs.get(stage) ?? 0);
          }
        }
      return kinds.map(({ candidates, form }, kind) =>
        tableOf(`${candidates} candidates, ${form}, ${kilobytes(bodies[kind])} kB`, times[kind] as Times),
      );
    } finally {
      await graph.release();
    }
  });

interface Times {
  readonly all: readonly number[];
  readonly stages: ReadonlyMap<Stage, readonly number[]>;
}

const tableOf = (title: string, { all, stages: measured }: Times): BenchTable => {
  const end = median(all);
  const middles = stages.map((stage) => [stage, median(measured.get(stage) ?? [])] as const);
  const sum = middles.reduce((total, [, milliseconds]) => total + milliseconds, 0);
  const row = (name: string, milliseconds: number) => [
    name,
    Math.round(milliseconds * 1000),
    `${((100 * milliseconds) / end).toFixed(1)} %`,
  ];
  return {
    title: `Cost of one request by stage: ${title}`,
    columns: ['stage', 'us', 'share'],
    rows: [
      ...middles.map(([stage, milliseconds]) => row(stage, milliseconds)),
      row('sum', sum),
      row('end to end', end),
    ],
    notes: title.startsWith(`${candidatesPerRequest} `) || !title.includes('1000 candidates, fields') ? [] : notes,
  };
};

const notes = [
  `Medians of ${rounds} requests of the kuairand definition (made-up weights and fields), one thread, one after the other; "log" is what is encoded for the event log after the answer is sent.`,
  'Not in it: sockets, HTTP and the way to a scoring thread and back; "npm run bench -- serving" has them.',
];

const kilobytes = (bodies: readonly Buffer[] = []): number => Math.round((bodies[0]?.length ?? 0) / 1000);

type Line = (body: Buffer) => Promise<{ readonly allMs: number; readonly stageMs: ReadonlyMap<Stage, number> }>;

/** The service's own parts, put together in one thread; what each took is collected per request. */
const openLine = async (model: ServingModel, graph: GraphSession): Promise<Line> => {
  const { definition } = model;
  let stageMs = new Map<Stage, number>();
  const add = (stage: Stage, milliseconds: number): void =>
    void stageMs.set(stage, (stageMs.get(stage) ?? 0) + milliseconds);
  const timed = <T>(stage: Stage, work: () => T): T => {
    const started = performance.now();
    try {
      return work();
    } finally {
      add(stage, performance.now() - started);
    }
  };
  const plain = createMetrics();
  const inRanking: Readonly<Record<string, Stage>> = { merge: 'merge', features: 'features', combine: 'combine' };
  const metrics: Metrics = {
    ...plain,
    observe: (name, labels, value) => {
      plain.observe(name, labels, value);
      const stage = 'stage' in labels ? inRanking[String(labels.stage)] : undefined;
      if (name === 'watchnext_rank_stage_seconds' && stage !== undefined) add(stage, value * 1000);
    },
  };
  const tables = new Map([...model.tables].map(([name, table]) => [name, table.share()]));
  const session = openSession({ definition, parameters: model.parameters, tables }, graph);
  const score: Scorer['score'] = async (batch) => {
    const parcel = timed('pack', () => packBatch(batch));
    const { encodeMs, runMs, ...scores } = await session.score(timed('pack', () => unpackBatch(parcel)));
    add('encode', encodeMs);
    add('infer', runMs);
    return scores;
  };
  const close = (): Promise<void> => Promise.resolve();
  const served: ServedModel = {
    ...{ ranker: definition.name, version: 'bench', definition, about: {} },
    reader: createFeatureReader({ definition, state: model.state }),
    scorer: { version: 'bench', tasks: Object.keys(definition.tasks), device: 'cpu', score, close },
    close,
  };
  const rankers = { use: (_, work) => work(served), definitionOf: () => definition } satisfies Partial<Rankers>;
  const { assign } = readConfiguration(twelveExperiments, 'bench');
  const experiments: Partial<Experiments> = { assign: (subject) => timed('assign', () => assign(subject)) };
  const entities = createEntities({ store: createMemoryStore(), metrics, now: Date.now });
  for (const kind of ['item', 'user'] as const)
    await entities.put(
      kind,
      model[`${kind}s`].map(({ id, ...fields }) => ({ id, fields })),
    );
  const shown: (() => Impression | Exposure)[] = [];
  const rank = createRanking({
    ...{ rankers: rankers as unknown as Rankers, experiments: experiments as Experiments, entities, metrics },
    ...{ logger: silentLogger, now: Date.now, scoreTimeoutMs: 60_000 },
    record: (event) => void shown.push(event),
  });
  const ranking = { ms: 0 };
  const timedRank: Rank = async (request) => {
    const started = performance.now();
    const answer = await rank(request);
    ranking.ms = performance.now() - started;
    return answer;
  };
  const route = rankRoute(timedRank, Math.max(...sizes));

  return async (body) => {
    stageMs = new Map();
    const started = performance.now();
    const parsed: unknown = timed('parse', (): unknown => {
      checkJsonShape(body, { lines: false });
      return JSON.parse(body.toString('latin1'));
    });
    const call = { requestId: 'bench', parameters: {}, body: parsed };
    const handling = performance.now();
    const reply = await route.handle(call, body.length);
    add('validate', performance.now() - handling - ranking.ms);
    const inStages = [...stageMs].filter(([stage]) => stage !== 'parse' && stage !== 'validate');
    add('rules', ranking.ms - inStages.reduce((sum, [, milliseconds]) => sum + milliseconds, 0));
    const text = timed('serialise', () => JSON.stringify('json' in reply ? reply.json : undefined));
    timed('log', () => shown.splice(0).map((make) => recordOf(make())));
    const allMs = performance.now() - started;
    if (!text.includes('"score"')) throw new Error(`a request was not scored: ${text.slice(0, 200)}`);
    return { allMs, stageMs };
  };
};
