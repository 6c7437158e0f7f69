import { Kafka, logLevel } from 'kafkajs';
import { missingPrograms, startBroker } from '../cli/kafka/index.js';
import { WatchnextError } from '../src/errors.js';
import { decodeEvent, openKafkaLog, type EventLog } from '../src/events/index.js';
import { fillLog, joinRanker, measureJoin, readLog, stopwatch, type Took } from './join.js';
import { median, type BenchTable } from './table.js';

const rounds = 7;
const topicPrefix = 'bench.';

/** Joining from Kafka, beside a bare kafkajs consumer that only parses the same events: both in one run, on one broker. */
export async function runKafkaBench(): Promise<BenchTable> {
  const problems = await missingPrograms();
  if (problems.length > 0) throw new WatchnextError('usage', 'This needs a Kafka broker of its own.', { problems });
  const broker = await startBroker();
  try {
    const log = await openKafkaLog({ brokers: broker.brokers, topicPrefix, partitions: 4 });
    try {
      return await measure(log, broker.brokers, broker.version);
    } finally {
      await log.close();
    }
  } finally {
    await broker.stop();
  }
}

async function measure(log: EventLog, brokers: readonly string[], version: string): Promise<BenchTable> {
  const definition = joinRanker(false);
  // Of now: what is long past would be kept with its time in a header.
  const { events, bytes } = await fillLog(log, definition, Date.now());
  const ways: Readonly<Record<string, () => Promise<Took>>> = {
    'bare kafkajs consumer that parses': () => bareConsumer(brokers, events),
    'reading alone': () => readLog(log),
    joining: () => measureJoin(log, definition, true),
  };
  const took: Record<string, Took[]> = {};
  // The first of each is not counted: it compiles what the others run.
  for (let round = -1; round < rounds; round++) {
    for (const [what, run] of Object.entries(ways)) {
      const one = await run();
      if (round >= 0) (took[what] ??= []).push(one);
    }
  }
  const [bare = []] = Object.values(took);
  return {
    title: `Joining from Kafka ${version}`,
    columns: ['what', 'events/s', 'against bare kafkajs', 'events/CPU s'],
    rows: Object.entries(took).map(([what, runs]) => [
      what,
      Math.round(events / median(runs.map(({ seconds }) => seconds))),
      median(runs.map(({ seconds }, round) => (bare[round]?.seconds ?? Number.NaN) / seconds)).toFixed(2),
      Math.round(events / median(runs.map(({ cpuSeconds }) => cpuSeconds))),
    ]),
    notes: [
      `${events} events of ${Math.round(bytes / events)} bytes on 4 partitions, broker on the same machine; in turns, medians of ${rounds}.`,
      'The bare consumer is timed from its first request to its last message: the seconds in which its group forms are left out.',
    ],
  };
}

/** From the first request to the last message, each parsed. */
async function bareConsumer(brokers: readonly string[], events: number): Promise<Took> {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `bench-${Math.random()}`, maxWaitTimeInMs: 50 });
  await consumer.connect();
  await consumer.subscribe({ topic: `${topicPrefix}events`, fromBeginning: true });
  let seen = 0;
  let elapsed: (() => Took) | undefined;
  consumer.on(consumer.events.FETCH_START, () => void (elapsed ??= stopwatch()));
  const finished = new Promise<Took>((resolve) => {
    void consumer.run({
      autoCommit: false,
      eachBatch: ({ batch: { messages } }) => {
        for (const { value } of messages) if (value !== null) decodeEvent(value);
        seen += messages.length;
        if (seen >= events && elapsed !== undefined) resolve(elapsed());
        return Promise.resolve();
      },
    });
  });
  const took = await finished;
  await consumer.disconnect();
  return took;
}
