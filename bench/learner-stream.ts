import { join } from 'node:path';
import { openArtifacts } from '../src/artifact/index.js';
import { fingerprint, loadRanker, type RankerDefinition } from '../src/definition/index.js';
import { recordOf, type EventLog, type LoggedEvent } from '../src/events/index.js';
import { createFeatureReader, createFeatureState, type FeatureState } from '../src/features/index.js';
import { openDataset, simulate, type Dataset, type LoggedRequest } from '../training/dataset/index.js';
import { collectExamples, createOnnxEngine, sealRanker, trainRanker } from '../training/fit/index.js';
export const listsPerSecond = 200;
const dayMs = 86_400_000;

/** A trained ranker, and what is served after its training. */
export interface World {
  readonly definition: RankerDefinition;
  readonly dataset: Dataset;
  /** Where training ended, in the time of the data set. */
  readonly from: number;
}

/** What was put into a log. */
export interface Filled {
  readonly events: number;
  readonly rows: number;
  /** When the watermark has come this far, everything has matured. */
  readonly maturedBy: number;
}

/** Three simulated days are trained from files; the rest is the stream. */
export async function openWorld(folder: string, models: string): Promise<World> {
  const data = join(folder, 'data');
  // Long enough that what happens once, such as compiling the graphs, does not weigh.
  const simulated = await simulate({ directory: data, seed: 1, days: 15, users: 2000, requestsPerDay: 1500 });
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

/**
 * What a service would have logged: the lists as they were served, then what came of them, then time goes on. From now on:
 * Kafka deletes what is older than it keeps.
 */
export async function fill(
  log: EventLog,
  { definition, dataset, from, listRows }: World & { readonly listRows: number },
): Promise<Filled> {
  const state = createFeatureState(definition);
  const reader = createFeatureReader({ definition, state });
  const events: LoggedEvent[] = [];
  const mark = fingerprint(definition);
  const begin = Date.now();
  let rows = 0;
  let list = 0;
  for await (const request of dataset.requests({ from })) {
    for (const part of listsOf(request, listRows)) {
      const time = begin + Math.round((list * 1000) / listsPerSecond);
      events.push(...eventsOf({ definition, mark, request: part, time, list, state, features: reader.read([part]) }));
      list++;
    }
    rows += request.candidates.length;
  }
  events.sort((a, b) => a.time - b.time);
  for (let at = 0; at < events.length; at += 2000) {
    await log.append(
      'events',
      events.slice(at, at + 2000).map((event) => recordOf(event, 0)),
    );
  }
  const maturedBy = (events.at(-1)?.time ?? begin) + 30_000;
  for (let partition = 0; partition < (await log.partitions('events')); partition++) {
    await log.append('events', [recordOf({ kind: 'marker', time: maturedBy + 30_000 }, partition)]);
  }
  return { events: events.length, rows, maturedBy };
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
  /** The definition's fingerprint. */
  readonly mark: string;
  readonly request: LoggedRequest;
  readonly time: number;
  readonly list: number;
  readonly state: FeatureState;
  readonly features: ReturnType<ReturnType<typeof createFeatureReader>['read']>;
}

function eventsOf({ definition, mark, request, time, list, state, features }: Listed): LoggedEvent[] {
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
      fingerprint: mark,
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
