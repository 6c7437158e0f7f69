import { silentLogger } from '../../src/telemetry/index.js';
import type { Cluster } from '../../src/events/kafka/internals.js';
import { resolveKafkaOptions, type KafkaOptions, type ResolvedKafkaOptions } from '../../src/events/kafka/options.js';
import type { Session } from '../../src/events/kafka/session.js';

/** One request to write, as a broker got it: by place, the first sequence number and the values. */
export interface Produced {
  readonly producerId: string;
  readonly parts: Readonly<Record<string, { readonly sequence: number; readonly values: readonly string[] }>>;
}

/** A cluster of one node that answers as told: undefined acknowledges, an error is thrown. */
export interface FakeCluster {
  readonly session: Session;
  readonly requests: Produced[];
  /** For the next requests, one after the other; after them all succeed. */
  readonly answers: (Error | undefined | Promise<void>)[];
}

export const protocolError = (type: string): Error => Object.assign(new Error(type), { type });

export const createFakeCluster = (partitions = 4): FakeCluster => {
  const requests: Produced[] = [];
  const answers: (Error | undefined | Promise<void>)[] = [];
  let producers = 0;
  const node: Awaited<ReturnType<Cluster['findBroker']>> = {
    initProducerId: () => Promise.resolve({ producerId: `${(producers += 1)}`, producerEpoch: 0 }),
    async produce({ topicData, producerId }) {
      const parts = topicData.flatMap(({ topic, partitions: places }) =>
        places.map(({ partition, firstSequence, messages }) => [
          `${topic}/${partition}`,
          { sequence: firstSequence, values: messages.map(({ value }) => String(value)) },
        ]),
      );
      requests.push({ producerId, parts: Object.fromEntries(parts) as Produced['parts'] });
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      await answer;
    },
    lookupRequest: () => {
      throw new Error('nothing is read here');
    },
    connectionPool: { send: () => Promise.reject(new Error('nothing is read here')) },
    createTopics: () => Promise.reject(new Error('nothing is made here')),
  };
  const cluster: Cluster = {
    connect: () => Promise.resolve(),
    disconnect: () => Promise.resolve(),
    addMultipleTargetTopics: () => Promise.resolve(),
    findBroker: () => Promise.resolve(node),
    findControllerBroker: () => Promise.resolve(node),
    findTopicPartitionMetadata: () =>
      Array.from({ length: partitions }, (_, partitionId) => ({
        partitionId,
        partitionErrorCode: 0,
        leader: 1,
        replicas: [1],
        isr: [1],
      })),
    fetchTopicsOffset: () => Promise.resolve([]),
  };
  return { session: { use: (_, work) => work(cluster), close: () => Promise.resolve() }, requests, answers };
};

export const optionsOf = (more: Partial<KafkaOptions> = {}): ResolvedKafkaOptions =>
  resolveKafkaOptions({ brokers: ['127.0.0.1:9092'], lingerMs: 0, ...more }, silentLogger);
