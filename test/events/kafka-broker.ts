import { Kafka, logLevel } from 'kafkajs';
import { kafkaVersions, missingPrograms, startBroker, type Broker } from '../../cli/kafka/index.js';

/** Where the tests of Kafka run: on a cluster that is there already, or on brokers of their own, one of each version. */
export interface KafkaUnderTest {
  readonly name: string;
  /** Known once it is started. */
  readonly brokers: () => readonly string[];
  /** Undefined for a cluster that is not ours to stop. */
  readonly broker: () => Broker | undefined;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const given = (brokers: readonly string[]): KafkaUnderTest => ({
  name: `Kafka at ${brokers.join(', ')}`,
  brokers: () => brokers,
  broker: () => undefined,
  start: () => Promise.resolve(),
  stop: () => Promise.resolve(),
});

const own = (version: string): KafkaUnderTest => {
  let broker: Broker | undefined;
  return {
    name: `Kafka ${version}`,
    brokers: () => broker?.brokers ?? [],
    broker: () => broker,
    start: async () => void (broker = await startBroker({ version })),
    stop: async () => broker?.stop(),
  };
};

/** None, and one loud line, where there is neither a cluster nor what it takes to start a broker. */
export const kafkasUnderTest = async (): Promise<readonly KafkaUnderTest[]> => {
  const named = process.env['WATCHNEXT_TEST_KAFKA_BROKERS'] ?? '';
  if (named !== '') return [given(named.split(','))];
  const missing = await missingPrograms();
  if (missing.length === 0) return Object.values(kafkaVersions).map(own);
  const reasons = missing.map(({ path, message }) => `${path} ${message}`).join(', ');
  process.stderr.write(`SKIPPED, NO KAFKA TO TEST ON: WATCHNEXT_TEST_KAFKA_BROKERS is not set, and ${reasons}\n`);
  return [];
};

/** Leaves a cluster that is not ours as it was. */
export const removeTopics = async (brokers: readonly string[], prefix: string): Promise<void> => {
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix));
  if (topics.length > 0) await admin.deleteTopics({ topics });
  await admin.disconnect();
};
