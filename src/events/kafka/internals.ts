import type { Logger, Message, PartitionMetadata, RetryOptions, SASLOptions } from 'kafkajs';
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
  refreshMetadata(): Promise<void>;
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
  /** A kind of request in the newest version that this client and the broker know. */
  lookupRequest(apiKey: number, known: RequestVersions): (asked: FetchRequest) => SentRequest;
  readonly connectionPool: { send(request: SentRequest): Promise<Buffer> };
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

interface RequestVersions {
  readonly versions: readonly string[];
  readonly protocol: (asked: { readonly version: number }) => (asked: FetchRequest) => SentRequest;
}

interface SentRequest {
  readonly request: unknown;
  /** The result of `decode` goes to `parse`, and that of it to who sent. */
  readonly response: {
    decode(reply: Buffer): Promise<FetchReply>;
    parse(reply: FetchReply): Promise<Buffer>;
  };
  readonly requestTimeout: number;
}

interface FetchReply {
  readonly reply: Buffer;
  /** How long brokers want no more requests. */
  readonly clientSideThrottleTime: number;
}

export interface FetchRequest {
  readonly maxWaitTime: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly isolationLevel: number;
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly fetchOffset: string;
      readonly maxBytes: number;
    }[];
  }[];
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

const FETCH = 1;
/** The last that kafkajs knows: of brokers from 2.3 on. */
const fetchVersions: RequestVersions = {
  ...(load('kafkajs/src/protocol/requests/fetch') as RequestVersions),
  versions: ['11'],
};

const asItCame: SentRequest['response'] = {
  decode: (reply) => Promise.resolve({ reply, clientSideThrottleTime: reply.readInt32BE(0) }),
  parse: ({ reply }) => Promise.resolve(reply),
};

/**
 * What a broker answers to Fetch of version 11, as it came. kafkajs would give up a tenth of a second after the broker's wait,
 * which is short for a large reply on a slow line, and for who reads it only after other work.
 */
export const fetchFromBroker = (broker: BrokerNode, asked: FetchRequest, timeoutMs: number): Promise<Buffer> =>
  broker.connectionPool.send({
    ...broker.lookupRequest(FETCH, fetchVersions)(asked),
    response: asItCame,
    requestTimeout: asked.maxWaitTime + timeoutMs,
  });

const errorOf = (load('kafkajs/src/protocol/error') as { createErrorFromCode: (code: number) => Error })
  .createErrorFromCode;

/** Throws what kafkajs throws for the code of an error. */
export const requireNoError = ({ errorCode }: { readonly errorCode: number }): void => {
  if (errorCode !== 0) throw errorOf(errorCode);
};

interface MetadataReply {
  readonly topicMetadata: readonly {
    readonly partitionMetadata: readonly (PartitionMetadata & { readonly partitionErrorCode: number })[];
  }[];
}

interface MetadataRequest {
  readonly request: unknown;
  readonly response: {
    decode(reply: Buffer): Promise<MetadataReply>;
    parse(reply: MetadataReply): Promise<MetadataReply>;
  };
}

/**
 * kafkajs 2.2.4 refuses what a broker knows of all topics if one partition of one has no leader. It is refused here only for
 * errors of a topic: a partition without a leader says so by a leader below 0.
 */
const metadata = load('kafkajs/src/protocol/requests/metadata') as {
  protocol: (asked: { readonly version: number }) => (asked: unknown) => MetadataRequest;
};
const protocolOf = metadata.protocol;
metadata.protocol = (version) => (asked) => {
  const { request, response } = protocolOf(version)(asked);
  return { request, response: { ...response, parse: (reply) => response.parse(withoutPartitionErrors(reply)) } };
};

const withoutPartitionErrors = (reply: MetadataReply): MetadataReply => ({
  ...reply,
  topicMetadata: reply.topicMetadata.map((topic) => ({
    ...topic,
    partitionMetadata: topic.partitionMetadata.map((partition) => ({ ...partition, partitionErrorCode: 0 })),
  })),
});

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
