import { join } from 'node:path';
import { openArtifacts } from '../../src/artifact/index.js';
import type { RankerDefinition } from '../../src/definition/index.js';
import { openEmbeddedLog, recordOf, type EventLog, type LoggedEvent } from '../../src/events/index.js';
import {
  collectExamples,
  createOnnxEngine,
  sealRanker,
  trainRanker,
  type EngineFactory,
} from '../../training/fit/index.js';
import { parseTable, type EmbeddingTable } from '../../src/embeddings/index.js';
import type { StoredCheckpoint } from '../../training/stream/checkpoint-file.js';
import { openCheckpoints } from '../../training/stream/checkpoint.js';
import { runLearner, type LearnerReport, type RunLearnerOptions } from '../../training/stream/index.js';
import { datasetOf, simulatedLog, smallRanker, worldStart } from '../fit/world.js';
import { eventsOf } from './shown.js';
import { appendMarkers } from './markers.js';

/** A ranker whose stream moves fast: lists come every second, and are learned ten seconds later. */
export const streamRanker: RankerDefinition = {
  ...smallRanker({ batch: 64, optimizer: { kind: 'adam', rate: 0.002 } }),
  labels: { click: { wait: '10s' }, watch: { wait: '10s' } },
  stream: { batch_span: '20s', out_of_order: '1s', gate: { rows: 200 } },
};

/** Trains a version on a little of the world, seals and activates it. */
export async function sealFirst(models: string, definition = streamRanker): Promise<string> {
  const dataset = datasetOf(simulatedLog({ requests: 80 }));
  const examples = await collectExamples({ definition, dataset });
  const trained = await trainRanker({ definition, dataset, engine: createOnnxEngine, examples });
  try {
    const { version } = await sealRanker({
      trained,
      directory: models,
      definitionText: JSON.stringify(definition),
      sample: examples.sample,
      metrics: {},
      gitCommit: 'c0ffee',
      nowMs: Date.UTC(2024, 1, 1),
    });
    await openArtifacts(models).activate(definition.name, version);
    return version;
  } finally {
    await trained.close();
    await examples.close();
  }
}

/** What a service would log from a month later on: a list a second, feedback after two, time markers at the end. */
export function streamOf(definition = streamRanker, requests = 250): LoggedEvent[] {
  const start = worldStart + 30 * 86_400_000;
  const log = simulatedLog({ requests, seed: 21 }).map((request, index) => ({
    ...request,
    time: start + index * 1000,
  }));
  return eventsOf({ definition, log, delayMs: (request, row) => 1500 + 137 * ((request + row) % 7) });
}

export async function logOf(directory: string, events: readonly LoggedEvent[], partitions = 3): Promise<EventLog> {
  const log = await openEmbeddedLog({ directory, partitions, writes: ['events', 'examples', 'dead-letters'] });
  for (let from = 0; from < events.length; from += 200) {
    await log.append(
      'events',
      events.slice(from, from + 200).map((event) => recordOf(event, 0)),
    );
  }
  const last = Math.max(...events.map(({ time }) => time));
  await appendMarkers(log, last + 60_000);
  return log;
}

/** Learns everything that the log holds; `folder` has the versions and the checkpoints. */
export const learnToEnd = (
  folder: string,
  log: EventLog,
  options: Partial<RunLearnerOptions> = {},
): Promise<LearnerReport> =>
  runLearner({
    models: join(folder, 'models'),
    ranker: streamRanker.name,
    log,
    checkpoints: join(folder, 'checkpoints'),
    engine: createOnnxEngine,
    untilEnd: true,
    publish: false,
    ...options,
  });

async function lastCheckpoint(folder: string): Promise<StoredCheckpoint> {
  const checkpoints = await openCheckpoints({ directory: join(folder, 'checkpoints'), onDamaged: () => undefined });
  const found = await checkpoints.latest();
  await checkpoints.close();
  if (found === undefined) throw new Error('no checkpoint');
  return found;
}

/** The tables of the last checkpoint. */
export async function tablesIn(folder: string): Promise<Map<string, EmbeddingTable>> {
  const { model } = await lastCheckpoint(folder);
  return new Map([...model.tables].map(([name, bytes]) => [name, parseTable(bytes, name)]));
}

/** Everything that was learned, from the last checkpoint: texts to compare. */
export async function learnedIn(folder: string): Promise<Record<string, string>> {
  const found = await lastCheckpoint(folder);
  const text = ({ buffer, byteOffset, byteLength }: ArrayBufferView): string =>
    Buffer.from(buffer, byteOffset, byteLength).toString('base64');
  const { counts, steps, clocks } = found.facts.place;
  const tables = [...(await tablesIn(folder))].map(([name, table]): [string, string] => {
    const { keys, values } = table.contents();
    return [`table ${name}`, `${text(keys)} ${text(values)}`];
  });
  return {
    place: JSON.stringify({ counts: { ...counts, older: 0 }, steps, clocks }),
    waiting: found.waiting.map(({ partition, sequence }) => `${partition}/${sequence}`).join(),
    state: text(found.state),
    windows: text(found.windows),
    ...Object.fromEntries([...found.model.dense].map(([name, values]) => [name, text(values)])),
    ...Object.fromEntries(tables),
  };
}

/** An engine that dies before its nth step, as a process does that is killed: nothing is saved. */
export const dyingAt =
  (step: number): EngineFactory =>
  async (options) => {
    const engine = await createOnnxEngine(options);
    let steps = 0;
    return {
      ...engine,
      step: (batch) => (++steps === step ? Promise.reject(new Error('killed')) : engine.step(batch)),
    };
  };
