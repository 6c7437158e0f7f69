import { WatchnextError, type Problem } from '../../errors.js';
import type { Logger } from '../../telemetry/index.js';

const saslMechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
const compressions = ['none', 'gzip'] as const;

/** How to reach a Kafka cluster and how its topics are named and made. */
export interface KafkaOptions {
  /** `host:port`, any of the cluster; the others are found through it. */
  readonly brokers: readonly string[];
  /** How this process is named in the brokers' logs and quotas. */
  readonly clientId?: string;
  /** `shop.` makes `shop.events`, `shop.examples` and `shop.dead-letters`. */
  readonly topicPrefix?: string;
  /** True for the system's authorities; PEM texts for others, and for a client certificate. */
  readonly tls?: boolean | KafkaTls;
  readonly sasl?: KafkaSasl;
  /** Of what is written. gzip and uncompressed are read; topics that others write with another codec are refused. */
  readonly compression?: (typeof compressions)[number];
  /** Of topics that do not exist yet; a topic that exists keeps its own number. */
  readonly partitions?: number;
  /** Of topics that do not exist yet. */
  readonly replication?: number;
  /** Of topics that do not exist yet, `bytes` of each topic; without it they keep everything. */
  readonly retention?: { readonly ageMs?: number; readonly bytes?: number };
  /** How long a write or a question may take, with all its retries, before it is log_unavailable. */
  readonly timeoutMs?: number;
  /** How long the first record of a batch waits for others. */
  readonly lingerMs?: number;
  /** What may wait to be written; more is refused with log_unavailable. */
  readonly queue?: { readonly records?: number; readonly bytes?: number };
}

export interface KafkaTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface KafkaSasl {
  readonly mechanism: (typeof saslMechanisms)[number];
  readonly username: string;
  readonly password: string;
}

/** {@link KafkaOptions} with everything decided. */
export interface ResolvedKafkaOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly topicPrefix: string;
  readonly tls: boolean | KafkaTls;
  readonly sasl: KafkaSasl | undefined;
  readonly compression: (typeof compressions)[number];
  readonly partitions: number;
  readonly replication: number;
  readonly retention: { readonly ageMs?: number; readonly bytes?: number };
  readonly timeoutMs: number;
  readonly lingerMs: number;
  readonly queueRecords: number;
  readonly queueBytes: number;
  readonly logger: Logger;
}

/**
 * The largest record, key and value together, in bytes: a broker refuses batches over 1,048,588 bytes unless told
 * otherwise, and the batch's own fields need some of it.
 */
export const MAX_RECORD_BYTES = 1_000_000;

const address = /^(?:[^\s:/]+):(\d{1,5})$/;
const prefix = /^[A-Za-z0-9._-]{0,200}$/;

const listed = (values: readonly string[]): string => values.join(', ');

const problemsOf = (options: KafkaOptions): Problem[] => {
  const problems: Problem[] = [];
  const check = (fine: boolean, path: string, message: string): void => {
    if (!fine) problems.push({ path, message });
  };
  const whole = (path: 'partitions' | 'replication' | 'timeoutMs', value: number | undefined): void =>
    check(value === undefined || (Number.isSafeInteger(value) && value > 0), path, 'must be a whole number, 1 or more');
  check(options.brokers.length > 0, 'brokers', 'must name at least one broker as host:port');
  for (const [i, broker] of options.brokers.entries()) {
    const port = Number(address.exec(broker)?.[1] ?? NaN);
    check(port >= 1 && port <= 65_535, `brokers/${i}`, `"${broker}" is not host:port, such as kafka-1.example:9092`);
  }
  const { topicPrefix = '', sasl, compression = 'none' } = options;
  check(prefix.test(topicPrefix), 'topicPrefix', 'may have letters, digits, dot, underscore and minus, up to 200');
  check(
    compressions.includes(compression),
    'compression',
    `must be one of ${listed(compressions)}, not ${compression}`,
  );
  if (sasl !== undefined) {
    const { mechanism } = sasl;
    check(
      saslMechanisms.includes(mechanism),
      'sasl/mechanism',
      `must be one of ${listed(saslMechanisms)}, not ${mechanism}`,
    );
    check(sasl.username !== '', 'sasl/username', 'must not be empty');
    check(sasl.password !== '', 'sasl/password', 'must not be empty');
  }
  whole('partitions', options.partitions);
  whole('replication', options.replication);
  whole('timeoutMs', options.timeoutMs);
  return problems;
};

/** All defaults filled in. Throws settings_invalid with everything that is wrong. */
export const resolveKafkaOptions = (options: KafkaOptions, logger: Logger): ResolvedKafkaOptions => {
  const problems = problemsOf(options);
  if (problems.length > 0)
    throw new WatchnextError('settings_invalid', 'the Kafka settings are not usable', { problems });
  return {
    brokers: options.brokers,
    clientId: options.clientId ?? 'watchnext',
    topicPrefix: options.topicPrefix ?? 'watchnext.',
    tls: options.tls ?? false,
    sasl: options.sasl,
    compression: options.compression ?? 'none',
    partitions: options.partitions ?? 8,
    replication: options.replication ?? 1,
    retention: options.retention ?? {},
    timeoutMs: options.timeoutMs ?? 5000,
    lingerMs: options.lingerMs ?? 2,
    queueRecords: options.queue?.records ?? 100_000,
    queueBytes: options.queue?.bytes ?? 64 << 20,
    logger,
  };
};
