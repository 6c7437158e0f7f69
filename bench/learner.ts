import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { inTemporaryFolder } from '../cli/ending.js';
import { missingPrograms, startBroker } from '../cli/kafka/index.js';
import { openEmbeddedLog, openKafkaLog, recordOf, type EventLog } from '../src/events/index.js';
import { createOnnxEngine } from '../training/fit/index.js';
import { runLearner, type LearnerReport } from '../training/stream/index.js';
import { measureLargeCheckpoint } from './checkpoint.js';
import { fill, listsPerSecond, openWorld, type Filled, type World } from './learner-stream.js';
import { median, type BenchTable } from './table.js';

const partitions = 4;
const listsOf = [20, 5] as const;

/** The demo's ranker from either log to learned weights, and what a checkpoint of a large table costs. */
export function runLearnerBench({ rounds = 3 }: { rounds?: number }): Promise<readonly BenchTable[]> {
  return inTemporaryFolder('watchnext-bench-', async (folder) => {
    const models = join(folder, 'models');
    const world = await openWorld(folder, models);
    try {
      return [await learning({ ...world, folder, models, rounds }), await measureLargeCheckpoint(folder)];
    } finally {
      await world.dataset.close();
    }
  });
}

type Place = World & { readonly folder: string; readonly models: string; readonly rounds: number };

async function learning(place: Place): Promise<BenchTable> {
  const embedded: Row[] = [];
  for (const listRows of listsOf) {
    const directory = join(place.folder, `log-${listRows}`);
    const log = await openEmbeddedLog({ directory, partitions, writes: ['events'] });
    embedded.push(await measure(place, { name: 'embedded', log, listRows }));
  }
  const problems = await missingPrograms();
  const kafka = problems.length > 0 ? [] : await onKafka(place);
  return {
    title: 'Learner: the demo’s ranker, from a log to learned weights',
    columns: ['log', 'lists of', 'events', 'rows', 'events/s', 'rows/s', 'engine', 'encode', 'embeddings', 'CPU s'],
    rows: [...embedded, ...kafka],
    notes: [
      `Lists with their feedback, ${listsPerSecond} lists a second of event time, ${partitions} partitions; median of ${place.rounds}.`,
      'Engine: how long a step is waited for, from the prediction of its rows on; encode and embeddings: the learning thread’s own work; as shares of the wall time. Joining has a thread of its own beside them. CPU of all threads, without a broker’s.',
      `Every row is predicted, then learned in batches of ${place.definition.training?.batch ?? 1024}; checkpoints every 30 s and at the end included.`,
      ...(problems.length > 0 ? [`Without Kafka: ${problems.map(({ message }) => message).join('; ')}.`] : []),
    ],
  };
}

async function onKafka(place: Place): Promise<Row[]> {
  const broker = await startBroker();
  try {
    const rows: Row[] = [];
    for (const listRows of listsOf) {
      const log = await openKafkaLog({ brokers: broker.brokers, topicPrefix: `lists-of-${listRows}.`, partitions });
      rows.push(await measure(place, { name: `Kafka ${broker.version}`, log, listRows }));
    }
    return rows;
  } finally {
    await broker.stop();
  }
}

type Row = readonly (string | number)[];

/** Fills the log and closes it in the end. */
async function measure(
  place: Place,
  { name, log, listRows }: { readonly name: string; readonly log: EventLog; readonly listRows: number },
): Promise<Row> {
  try {
    const filled = await fill(log, { ...place, listRows });
    const runs: Timed[] = [];
    for (let round = 0; round < place.rounds; round++) {
      const checkpoints = join(place.folder, `checkpoints-${log.kind}-${listRows}-${round}`);
      runs.push(await learn({ ...place, log, filled, checkpoints }));
    }
    const seconds = median(runs.map((run) => run.seconds));
    const { report, cpuSeconds } = runs.find((run) => run.seconds === seconds) as Timed;
    const share = (part: string): string => ((report.spentMs[part] ?? 0) / (seconds * 1000)).toFixed(2);
    return [
      name,
      listRows,
      filled.events,
      filled.rows,
      Math.round(filled.events / seconds),
      Math.round(filled.rows / seconds),
      ...['step', 'encode', 'embeddings'].map(share),
      Number(cpuSeconds.toFixed(1)),
    ];
  } finally {
    await log.close();
  }
}

interface Timed {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly report: LearnerReport;
}

/** Until everything is learned and in a checkpoint; not until a log has been silent for long enough to be called at its end. */
async function learn(options: {
  readonly models: string;
  readonly definition: World['definition'];
  readonly log: EventLog;
  readonly filled: Filled;
  readonly checkpoints: string;
}): Promise<Timed> {
  let [started, cpu] = [performance.now(), process.cpuUsage()];
  const { models, definition, log, filled, checkpoints } = options;
  const everything = new AbortController();
  const report = await runLearner({
    models,
    log,
    ranker: definition.name,
    checkpoints,
    engine: (made) => createOnnxEngine(made),
    publish: false,
    signal: everything.signal,
    onWatermark: (watermark) => {
      if (watermark < filled.maturedBy || everything.signal.aborted) return;
      everything.abort();
      // Whoever waits for more is told at once.
      void log.append('events', [recordOf({ kind: 'marker', time: filled.maturedBy + 60_000 }, 0)]);
    },
    onNews: ({ kind }) => {
      if (kind === 'started') [started, cpu] = [performance.now(), process.cpuUsage()];
    },
  });
  const seconds = (performance.now() - started) / 1000;
  if (report.rows !== filled.rows)
    throw new Error(`${report.rows} of ${filled.rows} rows were learned: ${JSON.stringify(report.counts)}`);
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, report, cpuSeconds: (user + system) / 1e6 };
}
