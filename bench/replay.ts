import { join } from 'node:path';
import { temporaryFolder } from '../cli/ending.js';
import { openArtifacts, type LoadedArtifact } from '../src/artifact/index.js';
import { fingerprint, loadRanker, type Ranker, type RankerDefinition } from '../src/definition/index.js';
import {
  openEmbeddedLog,
  partitionOf,
  recordOf,
  type EventId,
  type EventLog,
  type LoggedEvent,
} from '../src/events/index.js';
import { createFeatureState, requestStarts, selectRequests } from '../src/features/index.js';
import { openJoinedStream } from '../src/join/index.js';
import { openDataset, simulate, type LoggedRequest } from '../training/dataset/index.js';
import { learnAsStream } from '../training/evaluate/index.js';
import {
  collectExamples,
  createOnnxEngine,
  ExampleSpool,
  resumeRanker,
  sealRanker,
  trainRanker,
  type ScoredExamples,
} from '../training/fit/index.js';
import { createLearner, measureHeads, type HeadMeasures } from '../training/stream/index.js';
import type { BenchTable } from './table.js';

const dayMs = 86_400_000;
const partitions = 4;
const feedbackMs = 60_000;
const engine = createOnnxEngine;

interface Learned {
  /** [rows, tasks] before each row was learned, and what came. */
  readonly predicted: Float32Array;
  readonly labels: Float32Array;
  readonly seconds: number;
}

/**
 * A real log, replayed: its last day goes into an event log as the events that a service would have written, is joined and
 * learned; and the same rows are evaluated from the files as a stream. Both predict every row before they learn it.
 */
export const runReplayBench = async ({ data }: { data?: string }): Promise<BenchTable> => {
  const { path: folder, remove } = await temporaryFolder('watchnext-replay-');
  const log = await openEmbeddedLog({ directory: join(folder, 'log'), partitions, writes: ['events'] });
  try {
    if (data === undefined) await simulate({ directory: join(folder, 'data'), seed: 1, days: 4 });
    const ranker = await replayedRanker(data === undefined ? 'demo' : 'kuairand');
    const { artifact, spool, rows } = await prepare({ ranker, data: data ?? join(folder, 'data'), folder, log });
    const streamed = await learnFromLog(artifact, log);
    const evaluated = await learnFromFiles(artifact, spool);
    await spool.close();
    const { definition } = artifact;
    const measured = (learned: Learned): HeadMeasures =>
      measureHeads(definition, { heads: learned.predicted, labels: learned.labels });
    const [ofLog, ofFiles] = [measured(streamed), measured(evaluated)];
    const alike =
      streamed.predicted.length === evaluated.predicted.length &&
      streamed.predicted.every((head, at) => Object.is(head, evaluated.predicted[at]));
    return {
      title: `The last day of ${definition.name}, through the event log and from files`,
      columns: ['head', 'measure', 'through the log', 'from files as a stream', 'rows'],
      rows: Object.entries(definition.tasks).map(([task, { kind }]) => {
        const measure = kind === 'binary' ? 'auc' : 'normalisedEntropy';
        const value = (of: HeadMeasures): string => (of[task]?.[measure] ?? Number.NaN).toFixed(6);
        return [task, measure, value(ofLog), value(ofFiles), ofLog[task]?.rows ?? 0];
      }),
      notes: [
        `${rows.toLocaleString('en-US')} rows; every prediction ${alike ? 'is the same to the bit' : 'is NOT the same'}. ` +
          `Joined and learned in ${streamed.seconds.toFixed(1)} s, from files in ${evaluated.seconds.toFixed(1)} s.`,
      ],
    };
  } finally {
    await log.close();
    await remove();
  }
};

/** The ranker with batches that are full, or an hour long: the log is far from a busy one. */
const replayedRanker = async (name: 'demo' | 'kuairand'): Promise<Ranker> => {
  const ranker = await loadRanker(`models/${name}/ranker.yaml`);
  const labels = Object.fromEntries(Object.keys(ranker.definition.tasks).map((task) => [task, { wait: '10m' }]));
  return { ...ranker, definition: { ...ranker.definition, labels, stream: { batch_span: '1h' } } };
};

interface Prepared {
  readonly artifact: LoadedArtifact;
  readonly spool: ExampleSpool;
  readonly rows: number;
}

/** Trains on all but the last day; that goes into the event log and, as it is, into a spool. */
const prepare = async (options: {
  readonly ranker: Ranker;
  readonly data: string;
  readonly folder: string;
  readonly log: EventLog;
}): Promise<Prepared> => {
  const { ranker, data, folder, log } = options;
  const { definition } = ranker;
  const dataset = await openDataset({ definition, sql: ranker.sql ?? '', sqlFile: ranker.sqlFile, directory: data });
  const until = dataset.span.last - dayMs;
  const examples = await collectExamples({ definition, dataset, range: { until } });
  const trained = await trainRanker({ definition, dataset, engine, examples, until });
  const spool = new ExampleSpool();
  try {
    const models = join(folder, 'models');
    const definitionText = JSON.stringify(definition);
    const { version } = await sealRanker({
      trained,
      directory: models,
      definitionText,
      sample: examples.sample,
      metrics: {},
    });
    const waiting: LoggedEvent[] = [];
    for await (const scored of trained.predict({ from: until })) {
      const kept = withoutTwins(scored);
      await spool.append(kept);
      await log.append(
        'events',
        eventsOf(definition, { scored: kept, version, waiting }).map((event) => recordOf(event, 0)),
      );
    }
    const last = waiting.at(-1)?.time ?? dataset.span.last;
    await log.append(
      'events',
      waiting.map((event) => recordOf(event, 0)),
    );
    await log.append(
      'events',
      Array.from({ length: partitions }, (_, partition) => recordOf({ kind: 'marker', time: last + dayMs }, partition)),
    );
    const artifact = await openArtifacts(models).load(definition.name, version, { training: true });
    return { artifact, spool, rows: spool.rows };
  } finally {
    await trained.close();
    await examples.close();
    await dataset.close();
  }
};

/**
 * Feedback names a request and an item: lists that show an item twice are left out. Lists of one moment are put in the order
 * that the log has for them, that of their partitions.
 */
const withoutTwins = (scored: ScoredExamples): ScoredExamples => {
  const tasks = scored.labels.length / scored.batch.rows;
  const starts = requestStarts(scored.batch);
  const kept = scored.requests.flatMap(({ candidates }, request) =>
    new Set(candidates.map((candidate) => candidate['item_id'])).size === candidates.length ? [request] : [],
  );
  const partitionOfRequest = (request: number): number =>
    partitionOf(String(scored.requests[request]?.user['user_id']), partitions);
  kept.sort(
    (a, b) => (scored.times[a] ?? 0) - (scored.times[b] ?? 0) || partitionOfRequest(a) - partitionOfRequest(b) || a - b,
  );
  const rows = kept.flatMap((request) =>
    Array.from({ length: (starts[request + 1] ?? 0) - (starts[request] ?? 0) }, (_, i) => (starts[request] ?? 0) + i),
  );
  const cells = rows.flatMap((row) => Array.from({ length: tasks }, (_, task) => row * tasks + task));
  return {
    batch: selectRequests(scored.batch, kept),
    labels: Float32Array.from(cells, (at) => scored.labels[at] ?? Number.NaN),
    heads: Float32Array.from(cells, (at) => scored.heads[at] ?? Number.NaN),
    positions: Int32Array.from(rows, (row) => scored.positions[row] ?? 0),
    times: Float64Array.from(kept, (request) => scored.times[request] ?? 0),
    requests: kept.flatMap((request) => scored.requests[request] ?? []),
  };
};

/** In the order of time; feedback that comes after the last of these requests waits for the next. */
const eventsOf = (
  definition: RankerDefinition,
  {
    scored,
    version,
    waiting,
  }: { readonly scored: ScoredExamples; readonly version: string; readonly waiting: LoggedEvent[] },
): LoggedEvent[] => {
  const { batch, requests, heads, positions } = scored;
  const tasks = Object.keys(definition.tasks);
  const starts = requestStarts(batch);
  const print = fingerprint(definition);
  return requests.flatMap((request, index): LoggedEvent[] => {
    const { time, user, candidates } = request;
    const row = starts[index] ?? 0;
    const requestId = `${time}/${version}/${index}/${request.requestId ?? ''}`;
    const due = waiting.splice(0, countUntil(waiting, time));
    const userId = (user['user_id'] ?? undefined) as EventId | undefined;
    waiting.push(...feedbackOf(definition, { request, requestId, userId }));
    return [
      ...due,
      {
        kind: 'impression',
        time,
        requestId,
        userId,
        ranker: definition.name,
        version,
        fingerprint: print,
        arms: {},
        weights: definition.score.weights,
        tasks,
        candidates: candidates.length,
        items: candidates.map((candidate, i) => ({
          id: candidate['item_id'] as EventId,
          position: positions[row + i] ?? 0,
          score: 1,
          propensity: 1,
        })),
        heads: heads.slice(row * tasks.length, (row + candidates.length) * tasks.length),
        fields: { user: {}, context: {}, candidates: candidates.map(() => ({})) },
        features: selectRequests(batch, [index]),
      },
    ];
  });
};

const countUntil = (events: readonly LoggedEvent[], time: number): number => {
  const first = events.findIndex((event) => event.time > time);
  return first < 0 ? events.length : first;
};

const feedbackOf = (
  definition: RankerDefinition,
  { request, requestId, userId }: { request: LoggedRequest; requestId: string; userId: EventId | undefined },
): LoggedEvent[] =>
  Object.entries(definition.tasks).flatMap(([task, { kind }], at) =>
    request.candidates.flatMap((candidate, row): LoggedEvent[] => {
      const label = request.labels[at]?.[row] ?? Number.NaN;
      if (Number.isNaN(label) || (kind === 'binary' && label === 0)) return [];
      return [
        {
          kind: 'feedback',
          time: request.time + feedbackMs,
          eventId: `${requestId}/${row}/${task}`,
          requestId,
          userId,
          itemId: candidate['item_id'] as EventId,
          what: task,
          value: kind === 'binary' ? undefined : label,
        },
      ];
    }),
  );

const learnFromLog = async (artifact: LoadedArtifact, log: EventLog): Promise<Learned> => {
  const ranker = await resumeRanker({ artifact, engine });
  const stream = await openJoinedStream({ log, definition: artifact.definition });
  const start = performance.now();
  const parts: { predicted: Float32Array; labels: Float32Array }[] = [];
  try {
    const learner = createLearner({
      ranker,
      state: createFeatureState(artifact.definition),
      windows: { add: ({ predicted, labels }) => parts.push({ predicted, labels }) },
      like: artifact.golden.batch,
    });
    for (let quiet = 0; quiet < 5;) {
      const joined = await stream.next({ most: 4096, waitMs: 50 });
      quiet = joined.examples.length + joined.outcomes.length === 0 ? quiet + 1 : 0;
      await learner.take(joined);
    }
    await learner.flush();
    return learnedOf(parts, start);
  } finally {
    await stream.close();
    await ranker.close();
  }
};

const learnFromFiles = async (artifact: LoadedArtifact, spool: ExampleSpool): Promise<Learned> => {
  const ranker = await resumeRanker({ artifact, engine });
  const start = performance.now();
  try {
    const everything = { first: 0, end: spool.requests };
    const predicted = await learnAsStream({
      ranker,
      like: artifact.golden.batch,
      examples: spool.inOrder(everything),
    });
    const labels: number[] = [];
    for await (const part of spool.inOrder(everything)) for (const label of part.labels) labels.push(label);
    return learnedOf([{ predicted: joined(predicted), labels: Float32Array.from(labels) }], start);
  } finally {
    await ranker.close();
  }
};

const learnedOf = (
  parts: readonly { readonly predicted: Float32Array; readonly labels: Float32Array }[],
  start: number,
): Learned => ({
  predicted: joined(parts.map(({ predicted }) => predicted)),
  labels: joined(parts.map(({ labels }) => labels)),
  seconds: (performance.now() - start) / 1000,
});

const joined = (parts: readonly Float32Array[]): Float32Array => {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};
