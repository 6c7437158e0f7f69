import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { inTemporaryFolder } from '../cli/ending.js';
import { openArtifacts } from '../src/artifact/index.js';
import { fingerprint, loadRanker, type RankerDefinition } from '../src/definition/index.js';
import { EmbeddingTable } from '../src/embeddings/index.js';
import { openEmbeddedLog, recordOf, type EventLog, type LoggedEvent } from '../src/events/index.js';
import { createFeatureReader, createFeatureState, type FeatureState } from '../src/features/index.js';
import { openDataset, simulate, type Dataset, type LoggedRequest } from '../training/dataset/index.js';
import { collectExamples, createOnnxEngine, sealRanker, trainRanker } from '../training/fit/index.js';
import { openCheckpoints, runLearner, startOfPlace, type LearnerReport } from '../training/stream/index.js';
import { median, type BenchTable } from './table.js';

const partitions = 4;
const listsPerSecond = 200;
const dayMs = 86_400_000;
/** After everything that was trained from files. */
const begin = Date.UTC(2026, 1, 1);

/** The demo's ranker from an embedded log to learned weights, and what a checkpoint of a large table costs. */
export function runLearnerBench({ rounds = 2 }: { rounds?: number }): Promise<readonly BenchTable[]> {
  return inTemporaryFolder('watchnext-bench-', async (folder) => [
    await learning(folder, rounds),
    await checkpoints(folder),
  ]);
}

async function learning(folder: string, rounds: number): Promise<BenchTable> {
  const models = join(folder, 'models');
  const made = await world(folder, models);
  const { definition, dataset } = made;
  try {
    const measured: (readonly (string | number)[])[] = [];
    for (const listRows of [20, 5]) {
      measured.push(await measure({ ...made, folder: join(folder, `lists-of-${listRows}`), models, listRows, rounds }));
    }
    return {
      title: 'Learner: the demo’s ranker, from an embedded log to learned weights',
      columns: ['lists of', 'events', 'rows', 'events/s', 'rows/s', 'step', 'encode', 'embeddings', 'CPU s'],
      rows: measured,
      notes: [
        `Lists with their feedback, ${listsPerSecond} lists a second of event time, ${partitions} partitions; median of ${rounds}.`,
        'Step, encode and embeddings as shares of the wall time; joining has a thread of its own beside them. CPU of all threads.',
        `Every row is predicted, then learned in batches of ${definition.training?.batch ?? 1024}; checkpoints every 30 s included.`,
      ],
    };
  } finally {
    await dataset.close();
  }
}

async function measure(
  options: World & { readonly folder: string; readonly models: string; readonly rounds: number },
): Promise<readonly (string | number)[]> {
  const { folder, models, definition, listRows, rounds } = options;
  const log = await openEmbeddedLog({ directory: join(folder, 'log'), partitions, writes: ['events'] });
  try {
    const { events, rows } = await fill(log, options);
    const runs: Timed[] = [];
    for (let round = 0; round < rounds; round++) {
      runs.push(await learn({ models, definition, log, checkpoints: join(folder, `checkpoints-${round}`) }));
    }
    const seconds = median(runs.map((run) => run.seconds));
    const { report, cpuSeconds } = runs.find((run) => run.seconds === seconds) as Timed;
    const share = (part: string): string => ((report.spentMs[part] ?? 0) / (seconds * 1000)).toFixed(2);
    return [
      listRows,
      events,
      rows,
      Math.round(events / seconds),
      Math.round(rows / seconds),
      ...['step', 'encode', 'embeddings'].map(share),
      Number(cpuSeconds.toFixed(1)),
    ];
  } finally {
    await log.close();
  }
}

interface World {
  readonly definition: RankerDefinition;
  readonly dataset: Dataset;
  /** The stream begins here. */
  readonly from: number;
  /** Into lists of so many rows what was served is cut. */
  readonly listRows: number;
}

/** Three simulated days are trained from files; the rest is the stream. */
async function world(folder: string, models: string): Promise<Omit<World, 'listRows'>> {
  const data = join(folder, 'data');
  const simulated = await simulate({ directory: data, seed: 1, days: 9, users: 2000, requestsPerDay: 1500 });
  const loaded = await loadRanker('models/demo/ranker.yaml');
  const wait = { wait: '5s' } as const;
  const definition: RankerDefinition = {
    ...loaded.definition,
    labels: Object.fromEntries(
      Object.keys(loaded.definition.tasks).map((task) => [task, { ...loaded.definition.labels?.[task], ...wait }]),
    ),
    stream: { batch_span: '2s', out_of_order: '1s' },
    training: { ...loaded.definition.training, epochs: 1 },
  };
  const source = { definition, sql: loaded.sql ?? '', sqlFile: loaded.sqlFile, directory: data };
  const dataset = await openDataset(source);
  const from = simulated.from + 3 * dayMs;
  const examples = await collectExamples({ definition, dataset, range: { until: from } });
  const trained = await trainRanker({ definition, dataset, engine: createOnnxEngine, examples });
  const sealed = await sealRanker({
    trained,
    directory: models,
    definitionText: JSON.stringify(definition),
    sample: examples.sample,
    metrics: {},
  });
  await trained.close();
  await examples.close();
  await openArtifacts(models).activate(definition.name, sealed.version);
  return { definition, dataset, from };
}

/** What a service would have logged: the lists as they were served, then what came of them, then time goes on. */
async function fill(
  log: EventLog,
  { definition, dataset, from, listRows }: World,
): Promise<{ events: number; rows: number }> {
  const state = createFeatureState(definition);
  const reader = createFeatureReader({ definition, state });
  const events: LoggedEvent[] = [];
  let rows = 0;
  let list = 0;
  for await (const request of dataset.requests({ from })) {
    for (const part of listsOf(request, listRows)) {
      const time = begin + Math.round((list * 1000) / listsPerSecond);
      events.push(...eventsOf({ definition, request: part, time, list, state, features: reader.read([part]) }));
      list++;
    }
    rows += request.candidates.length;
  }
  events.sort((a, b) => a.time - b.time);
  const end = (events.at(-1)?.time ?? begin) + 60_000;
  for (let at = 0; at < events.length; at += 2000) {
    await log.append(
      'events',
      events.slice(at, at + 2000).map((event) => recordOf(event, 0)),
    );
  }
  for (let partition = 0; partition < partitions; partition++) {
    await log.append('events', [recordOf({ kind: 'marker', time: end }, partition)]);
  }
  return { events: events.length, rows };
}

const listsOf = (request: LoggedRequest, rows: number): LoggedRequest[] =>
  Array.from({ length: Math.ceil(request.candidates.length / rows) }, (_, list) => {
    const [from, until] = [list * rows, (list + 1) * rows];
    return {
      ...request,
      candidates: request.candidates.slice(from, until),
      labels: request.labels.map((ofTask) => ofTask.slice(from, until)),
      positions: request.positions.slice(from, until),
    };
  });

interface Listed {
  readonly definition: RankerDefinition;
  readonly request: LoggedRequest;
  readonly time: number;
  readonly list: number;
  readonly state: FeatureState;
  readonly features: ReturnType<ReturnType<typeof createFeatureReader>['read']>;
}

function eventsOf({ definition, request, time, list, state, features }: Listed): LoggedEvent[] {
  const tasks = Object.keys(definition.tasks);
  const { user, context, candidates, labels, positions } = request;
  const requestId = `list-${list}`;
  const userId = user['user_id'] as string;
  const events: LoggedEvent[] = [
    {
      kind: 'impression',
      time,
      requestId,
      userId,
      ranker: definition.name,
      version: '20260105T000000Z-ab12cd',
      fingerprint: fingerprint(definition),
      arms: {},
      weights: definition.score.weights,
      tasks,
      candidates: candidates.length,
      items: candidates.map((candidate, row) => ({
        id: candidate['item_id'] as string,
        position: positions[row] ?? row + 1,
        row,
        score: 0,
        propensity: 1,
      })),
      heads: new Float32Array(candidates.length * tasks.length).fill(0.1),
      fields: { user, context, candidates },
      features,
    },
  ];
  candidates.forEach((candidate, row) => {
    const ofRow = Object.fromEntries(tasks.map((task, at) => [task, labels[at]?.[row] ?? Number.NaN]));
    state.observe([{ time: request.time, user, context, candidate, labels: ofRow }]);
    for (const [task, label] of Object.entries(ofRow)) {
      const isBinary = definition.tasks[task]?.kind === 'binary';
      if (Number.isNaN(label) || (isBinary && label === 0)) continue;
      events.push({
        kind: 'feedback',
        time: time + 500 + 100 * row,
        eventId: `${requestId}/${row}/${task}`,
        requestId,
        userId,
        itemId: candidate['item_id'] as string,
        what: [definition.labels?.[task]?.on ?? task].flat()[0] ?? task,
        value: isBinary ? undefined : label,
      });
    }
  });
  return events;
}

interface Timed {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly report: LearnerReport;
}

async function learn(options: {
  models: string;
  definition: RankerDefinition;
  log: EventLog;
  checkpoints: string;
}): Promise<Timed> {
  let [started, cpu] = [performance.now(), process.cpuUsage()];
  const { models, definition, log, checkpoints: folder } = options;
  const report = await runLearner({
    models,
    log,
    ranker: definition.name,
    checkpoints: folder,
    engine: (made) => createOnnxEngine(made),
    untilEnd: true,
    publish: false,
    onNews: ({ kind }) => {
      if (kind === 'started') [started, cpu] = [performance.now(), process.cpuUsage()];
    },
  });
  const seconds = (performance.now() - started) / 1000;
  if (report.rows === 0) throw new Error(`Nothing was learned: ${JSON.stringify(report.counts)}`);
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, report, cpuSeconds: (user + system) / 1e6 };
}

async function checkpoints(folder: string): Promise<BenchTable> {
  const rows = 1_000_000;
  const table = new EmbeddingTable({ dim: 16, seed: 1, optimizer: { kind: 'lazy_adam', rate: 0.001 } });
  table.admit(
    Uint32Array.from({ length: 2 * rows }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 0),
    begin,
  );
  const measured = await measureCheckpoints(join(folder, 'large'), new Map([['items', table]]));
  const pauses = measured.map(({ pauseMs }) => pauseMs);
  const [first = Number.NaN] = pauses;
  return {
    title: 'Checkpoint: a table of a million rows of 16 with lazy Adam',
    columns: ['rows', 'MB', 'pause, first (ms)', 'pause, median (ms)', 'pause, longest (ms)', 'until durable (s)'],
    rows: [
      [
        table.size,
        Math.round((measured[0]?.bytes ?? Number.NaN) / 1e6),
        Math.round(first),
        Math.round(median(pauses)),
        Math.round(Math.max(...pauses)),
        Number(median(measured.map(({ seconds }) => seconds)).toFixed(2)),
      ],
    ],
    notes: ['The pause is what learning waits for: copying. Hashing and writing are done by another thread meanwhile.'],
  };
}

interface MeasuredCheckpoint {
  readonly pauseMs: number;
  readonly seconds: number;
  readonly bytes: number;
}

async function measureCheckpoints(
  directory: string,
  tables: ReadonlyMap<string, EmbeddingTable>,
): Promise<MeasuredCheckpoint[]> {
  const checkpoints = await openCheckpoints({
    directory,
    onDamaged: (error) => void process.stderr.write(String(error)),
  });
  await checkpoints.prepare(tables);
  const facts = {
    ranker: 'bench',
    fingerprint: '',
    line: [],
    published: { sequence: 0, hash: '' },
    place: startOfPlace,
  };
  const empty = new Uint8Array(0);
  const measured: MeasuredCheckpoint[] = [];
  for (let time = 0; time < 5; time++) {
    const started = performance.now();
    const copies = checkpoints.copy(tables) ?? new Map<string, never>();
    const pauseMs = performance.now() - started;
    const bytes = [...copies.values()].reduce(
      (sum, { header }) => sum + header.sections.reduce((words, section) => words + 4 * section.words, 0),
      0,
    );
    const parts = { stream: [], state: empty, windows: empty, waiting: [], dense: new Map<string, never>() };
    await checkpoints.write({ facts, ...parts, tables: copies });
    measured.push({ pauseMs, seconds: (performance.now() - started) / 1000, bytes });
  }
  await checkpoints.close();
  return measured;
}
