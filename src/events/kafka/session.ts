import { Kafka, logLevel } from 'kafkajs';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectSecure } from 'node:tls';
import { WatchnextError } from '../../errors.js';
import { createCluster, type Cluster, type SocketRequest } from './internals.js';
import type { ResolvedKafkaOptions } from './options.js';

/**
 * kafkajs’ consumer groups and producer are left out on purpose; this is what lies beneath them. Offsets belong to who reads,
 * so a group has nothing to decide, and its joins, heartbeats and rebalances are where kafkajs loses or repeats records; its
 * producer repeats a batch in ways that its caller cannot bound.
 */
export interface Session {
  /**
   * Runs `work` with a connected cluster that knows `topics`. After any failure the connections are thrown away and the
   * next call starts afresh, so that a stale leader, a dead socket or a confused client heals by itself.
   */
  use<T>(topics: readonly string[], work: (cluster: Cluster) => Promise<T>): Promise<T>;
  /** Ends at once, whatever is under way: that rejects. */
  close(): Promise<void>;
}

interface Connection {
  readonly cluster: Cluster;
  readonly ready: Promise<void>;
  /** Ends it, also while it is still being made. */
  readonly discard: () => Promise<void>;
}

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 200;
const LONGEST_CONNECT_MS = 3000;
const KEEP_ALIVE_MS = 60_000;
const READ_UNCOMMITTED = 0;

const openSocket = ({ host, port, ssl, onConnect }: SocketRequest): Socket => {
  const name = isIP(host) === 0 ? { servername: host } : {};
  const socket =
    ssl === null ? connectPlain({ host, port }, onConnect) : connectSecure({ host, port, ...name, ...ssl }, onConnect);
  return socket.setKeepAlive(true, KEEP_ALIVE_MS).setNoDelay(true);
};

const connectTo = (options: ResolvedKafkaOptions): Connection => {
  const { brokers, clientId, tls, sasl, logger, timeoutMs } = options;
  const sockets = new Set<Socket>();
  let discarded = false;
  const kafka = new Kafka({
    brokers: [...brokers],
    logLevel: logLevel.WARN,
    // Each failure is also an error here, told once by who asked; the client’s own lines are for those who look closer.
    logCreator: () => (entry) => logger.debug({ kafka: entry.log.message, part: entry.namespace }, 'kafka client'),
  });
  const cluster = createCluster({
    logger: kafka.logger(),
    brokers,
    clientId,
    ssl: tls === false ? null : tls === true ? {} : tls,
    sasl: sasl === undefined ? null : { ...sasl },
    socketFactory: (request) => {
      if (discarded) throw new Error('closed');
      const socket = openSocket(request);
      sockets.add(socket.once('close', () => sockets.delete(socket)));
      return socket;
    },
    connectionTimeout: Math.min(timeoutMs, LONGEST_CONNECT_MS),
    authenticationTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    enforceRequestTimeout: true,
    metadataMaxAge: Infinity,
    allowAutoTopicCreation: false,
    isolationLevel: READ_UNCOMMITTED,
    retry: { retries: brokers.length, initialRetryTime: FIRST_RETRY_MS, maxRetryTime: LONGEST_RETRY_MS },
  });
  const discard = async (): Promise<void> => {
    discarded = true;
    // Without an error kafkajs would not notice, and wait for the answers that now never come.
    for (const socket of sockets) socket.destroy(new Error('closed'));
    await cluster.disconnect().catch(() => undefined);
  };
  const ready = cluster.connect();
  // Told to who asks; a connection that is discarded has nobody who does.
  ready.catch(() => undefined);
  return { cluster, ready, discard };
};

/** Connects when first used. */
export const createSession = (options: ResolvedKafkaOptions): Session => {
  let connection: Connection | undefined;
  let closed = false;
  return {
    async use(topics, work) {
      if (closed) throw new WatchnextError('log_unavailable', 'the log is closed');
      const mine = (connection ??= connectTo(options));
      try {
        await mine.ready;
        await mine.cluster.addMultipleTargetTopics(topics);
        return await work(mine.cluster);
      } catch (error) {
        if (connection === mine) connection = undefined;
        void mine.discard();
        throw error;
      }
    },
    async close() {
      closed = true;
      const last = connection;
      connection = undefined;
      await last?.discard();
    },
  };
};

/** The node that each partition is written to and read from, of those that have one. */
export const leadersOf = (cluster: Cluster, topic: string): ReadonlyMap<number, number> =>
  new Map(
    cluster
      .findTopicPartitionMetadata(topic)
      .filter(({ leader }) => leader >= 0)
      .map(({ partitionId, leader }) => [partitionId, leader]),
  );
