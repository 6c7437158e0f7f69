import { WatchnextError } from '../../errors.js';
import { failureType, retrying, rootOf, unavailable } from './failures.js';
import type { ResolvedKafkaOptions } from './options.js';
import { leadersOf, type Session } from './session.js';

export interface KafkaTopics {
  /** How many partitions the topic has; makes it if it is missing. Does not change while the process lives. */
  partitions(topic: string): Promise<number>;
  /** In the order of `partitions`; of all where they are left out. Each of them needs a leader. */
  bounds(topic: string, partitions?: readonly number[]): Promise<{ readonly first: number; readonly next: number }[]>;
}

/** A log keeps everything unless told otherwise. Kafka counts the bytes of each partition. */
const configOf = ({
  retention: { ageMs, bytes },
  partitions,
}: ResolvedKafkaOptions): { name: string; value: string }[] => [
  { name: 'retention.ms', value: String(ageMs ?? -1) },
  { name: 'retention.bytes', value: String(bytes === undefined ? -1 : Math.ceil(bytes / partitions)) },
  { name: 'cleanup.policy', value: 'delete' },
];

const wrongSettings = new Set([
  'INVALID_REPLICATION_FACTOR',
  'INVALID_PARTITIONS',
  'POLICY_VIOLATION',
  'INVALID_CONFIG',
]);

const withoutLeader = (partition: number): Error =>
  Object.assign(new Error(`partition ${partition} has no leader`), { type: 'LEADER_NOT_AVAILABLE' });

export const createKafkaTopics = (options: ResolvedKafkaOptions, session: Session): KafkaTopics => {
  const create = (topic: string): Promise<void> =>
    session.use([], async (cluster) => {
      const controller = await cluster.findControllerBroker();
      const { partitions: numPartitions, replication: replicationFactor, timeoutMs: timeout } = options;
      try {
        await controller.createTopics({
          topics: [{ topic, numPartitions, replicationFactor, configEntries: configOf(options) }],
          timeout,
        });
        options.logger.info({ topic, partitions: numPartitions, replication: replicationFactor }, 'topic created');
      } catch (error) {
        const type = failureType(error);
        if (type === 'TOPIC_ALREADY_EXISTS') return;
        if (!wrongSettings.has(type)) throw error;
        const problems = [{ path: topic, message: `${type}: ${rootOf(error).message ?? ''}` }];
        throw new WatchnextError('settings_invalid', `topic ${topic} cannot be created`, { problems, cause: error });
      }
    });

  const count = (topic: string): Promise<number> =>
    session.use([topic], (cluster) => Promise.resolve(cluster.findTopicPartitionMetadata(topic).length));

  const find = async (topic: string): Promise<number> => {
    try {
      return await count(topic);
    } catch (error) {
      if (failureType(error) !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error;
      await create(topic);
      throw error;
    }
  };

  const known = new Map<string, Promise<number>>();
  return {
    partitions(topic) {
      const asked = known.get(topic);
      if (asked !== undefined) return asked;
      const answer = retrying(() => find(topic), options).catch((error: unknown) => {
        known.delete(topic);
        throw unavailable(`topic ${topic} cannot be reached`, error);
      });
      known.set(topic, answer);
      return answer;
    },
    async bounds(topic, of) {
      const count = await this.partitions(topic);
      const partitions = (of ?? Array.from({ length: count }, (_, i) => i)).map((partition) => ({ partition }));
      const offsets = (fromBeginning: boolean): Promise<number[]> =>
        session.use([topic], async (cluster) => {
          const leaders = leadersOf(cluster, topic);
          const standing = partitions.find(({ partition }) => !leaders.has(partition));
          if (standing !== undefined) throw withoutLeader(standing.partition);
          const [found] = await cluster.fetchTopicsOffset([{ topic, partitions, fromBeginning }]);
          const byPartition = new Map(found?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
          return partitions.map(({ partition }) => byPartition.get(partition) ?? 0);
        });
      try {
        // One after the other: retention may move the first, never back, while the next only grows.
        const first = await retrying(() => offsets(true), options);
        const next = await retrying(() => offsets(false), options);
        return first.map((offset, partition) => ({ first: offset, next: Math.max(offset, next[partition] ?? 0) }));
      } catch (error) {
        throw unavailable(`the offsets of ${topic} cannot be read`, error);
      }
    },
  };
};
