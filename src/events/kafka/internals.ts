import type { Broker, Logger, Message, PartitionMetadata, RetryOptions, SASLOptions } from 'kafkajs';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

/**
 * The parts of kafkajs beneath its consumer and producer: connections, metadata and single requests. Its version is pinned
 * in package.json, because these are not its public interface; this file alone knows where they are.
 */
export interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  findBroker(node: { readonly nodeId: number }): Promise<BrokerNode>;
  findControllerBroker(): Promise<BrokerNode>;
  findTopicPartitionMetadata(topic: string): readonly PartitionMetadata[];
  fetchTopicsOffset(
    topics: readonly {
      readonly topic: string;
      readonly partitions: readonly { readonly partition: number }[];
      readonly fromBeginning: boolean;
    }[],
  ): Promise<readonly { readonly partitions: readonly { readonly partition: number; readonly offset: string }[] }[]>;
}

export interface BrokerNode {
  fetch(request: Parameters<Broker['fetch']>[0]): Promise<{
    readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[];
  }>;
  produce(request: {
    readonly topicData: readonly {
      readonly topic: string;
      readonly partitions: readonly {
        readonly partition: number;
        readonly firstSequence: number;
        readonly messages: readonly Message[];
      }[];
    }[];
    /** A 64-bit number as text. */
    readonly producerId: string;
    readonly producerEpoch: number;
    readonly acks: number;
    readonly timeout: number;
    readonly compression: number;
  }): Promise<unknown>;
  initProducerId(request: {
    readonly transactionTimeout: number;
  }): Promise<{ readonly producerId: string; readonly producerEpoch: number }>;
  createTopics(request: {
    readonly topics: readonly {
      readonly topic: string;
      readonly numPartitions: number;
      readonly replicationFactor: number;
      readonly configEntries: readonly { readonly name: string; readonly value: string }[];
    }[];
    readonly timeout: number;
  }): Promise<unknown>;
}

export interface FetchedPartition {
  readonly partition: number;
  readonly messages: readonly FetchedMessage[];
}

export interface FetchedMessage {
  readonly timestamp: string;
  readonly offset: string;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | undefined>>;
  readonly isControlRecord: boolean;
  /** Shared by the messages of a batch. */
  readonly batchContext: { readonly timestampType: number };
}

export interface SocketRequest {
  readonly host: string;
  readonly port: number;
  readonly ssl: ConnectionOptions | null;
  readonly onConnect: () => void;
}

interface ClusterOptions {
  readonly logger: Logger;
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly ssl: ConnectionOptions | null;
  readonly sasl: SASLOptions | null;
  readonly socketFactory: (request: SocketRequest) => Socket;
  readonly connectionTimeout: number;
  readonly authenticationTimeout: number;
  readonly requestTimeout: number;
  readonly enforceRequestTimeout: boolean;
  readonly metadataMaxAge: number;
  readonly allowAutoTopicCreation: boolean;
  readonly isolationLevel: number;
  readonly retry: RetryOptions;
}

interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests: (this: RequestQueue) => void;
}

const load = createRequire(import.meta.url);
export const createCluster = (options: ClusterOptions): Cluster =>
  new (load('kafkajs/src/cluster') as new (options: ClusterOptions) => Cluster)(options);

/**
 * After its first answer a connection of kafkajs 2.2.4 sets itself a timer of one millisecond again and again, for ever: a
 * thousand wake-ups a second while idle. There is something to look at only while requests wait.
 */
const queues = (load('kafkajs/src/network/requestQueue') as { prototype: RequestQueue }).prototype;
const schedule = queues.scheduleCheckPendingRequests;
queues.scheduleCheckPendingRequests = function (this: RequestQueue): void {
  if (this.pending.length > 0) schedule.call(this);
};
