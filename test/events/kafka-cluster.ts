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
  /** Partitions that have no leader, as a refresh of the metadata would tell. */
  readonly leaderless: Set<number>;
}

export const protocolError = (type: string): Error => Object.assign(new Error(type), { type });

export const createFakeCluster = (partitions = 4): FakeCluster => {
  const requests: Produced[] = [];
  const answers: (Error | undefined | Promise<void>)[] = [];
  const leaderless = new Set<number>();
  let known = new Set<number>();
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
    refreshMetadata: () => Promise.resolve(void (known = new Set(leaderless))),
    findBroker: () => Promise.resolve(node),
    findControllerBroker: () => Promise.resolve(node),
    findTopicPartitionMetadata: () =>
      Array.from({ length: partitions }, (_, partitionId) => ({
        partitionId,
        partitionErrorCode: 0,
        leader: known.has(partitionId) ? -1 : 1,
        replicas: [1],
        isr: [1],
      })),
    fetchTopicsOffset: () => Promise.resolve([]),
  };
  const use: Session['use'] = async (_, work) => {
    try {
      return await work(cluster);
    } catch (error) {
      // A new connection learns anew who leads.
      known = new Set(leaderless);
      throw error;
    }
  };
  return { session: { use, close: () => Promise.resolve() }, requests, answers, leaderless };
};

export const optionsOf = (more: Partial<KafkaOptions> = {}): ResolvedKafkaOptions =>
  resolveKafkaOptions({ brokers: ['127.0.0.1:9092'], lingerMs: 0, ...more }, silentLogger);
