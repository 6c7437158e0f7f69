import { performance } from 'node:perf_hooks';
import { Kafka, logLevel } from 'kafkajs';
import { missingPrograms, startBroker } from '../cli/kafka/index.js';
import { WatchnextError } from '../src/errors.js';
import { decodeEvent, openKafkaLog, type EventLog } from '../src/events/index.js';
import { fillLog, joinRanker, measureJoin, readLog } from './join.js';
import { median, type BenchTable } from './table.js';

const rounds = 3;
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
  const seconds: Record<'bare' | 'reading' | 'joining', number[]> = { bare: [], reading: [], joining: [] };
  for (let round = 0; round < rounds; round++) {
    seconds.bare.push(await bareConsumer(brokers, events));
    seconds.reading.push(await readLog(log));
    seconds.joining.push((await measureJoin(log, definition, true)).seconds);
  }
  const rate = (of: readonly number[]): number => events / median(of);
  const row = (what: string, of: readonly number[]): (string | number)[] => [
    what,
    Math.round(rate(of)),
    (rate(of) / rate(seconds.bare)).toFixed(2),
  ];
  return {
    title: `Joining from Kafka ${version}`,
    columns: ['what', 'events/s', 'against bare kafkajs'],
    rows: [
      row('bare kafkajs consumer that parses', seconds.bare),
      row('reading alone', seconds.reading),
      row('joining', seconds.joining),
    ],
    notes: [
      `${events} events of ${Math.round(bytes / events)} bytes on 4 partitions, broker on the same machine; median of ${rounds}.`,
      'The bare consumer is timed from its first message to its last: the seconds in which its group forms are left out.',
    ],
  };
}

/** From the first message to the last, each parsed. */
async function bareConsumer(brokers: readonly string[], events: number): Promise<number> {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `bench-${Math.random()}`, maxWaitTimeInMs: 50 });
  await consumer.connect();
  await consumer.subscribe({ topic: `${topicPrefix}events`, fromBeginning: true });
  let seen = 0;
  let start = 0;
  const finished = new Promise<number>((resolve) => {
    void consumer.run({
      autoCommit: false,
      eachBatch: ({ batch: { messages } }) => {
        if (start === 0) start = performance.now();
        for (const { value } of messages) if (value !== null) decodeEvent(value);
        seen += messages.length;
        if (seen >= events) resolve((performance.now() - start) / 1000);
        return Promise.resolve();
      },
    });
  });
  const seconds = await finished;
  await consumer.disconnect();
  return seconds;
}
