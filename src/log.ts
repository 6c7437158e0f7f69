import { resolve } from 'node:path';
import { WatchnextError } from './errors.js';
import {
  openEmbeddedLog,
  openKafkaLog,
  openSpooledLog,
  topics,
  type EventLog,
  type KafkaOptions,
  type SpoolStore,
  type Topic,
} from './events/index.js';
import type { logSettingNames, Settings } from './settings.js';
import type { Logger, Metrics } from './telemetry/index.js';

/** What of the settings says where the event log is. */
export type LogSettings = Pick<Settings, (typeof logSettingNames)[number]>;

export interface OpenLogOptions {
  readonly logger: Logger;
  readonly now?: () => number;
  /** Topics that this process writes: of an embedded log, no other process may. None if left out. */
  readonly writes?: readonly Topic[];
  /** While Kafka is away, what is written waits in a folder of this process; without, appends are refused. */
  readonly spool?: { readonly metrics: Metrics };
}

/**
 * The event log that the settings name. Rejects with log_locked if another process writes the embedded log, log_damaged,
 * log_unavailable if its folder cannot be used, and settings_invalid if the log is off. Kafka need not be there yet.
 */
export const openLog = async (settings: LogSettings, options: OpenLogOptions): Promise<EventLog> => {
  const { logger, now = Date.now, writes = [], spool } = options;
  if (settings.log === 'off')
    throw new WatchnextError('settings_invalid', 'The event log is off.', {
      problems: [{ path: 'log', message: 'is off', hint: 'use --log embedded or --log kafka' }],
    });
  if (settings.log === 'embedded') {
    const directory = resolve(settings.logDirectory);
    const [partitions, retention] = [settings.logPartitions, retentionOf(settings)];
    return openEmbeddedLog({ directory, partitions, retention, writes, now });
  }
  const log = await openKafkaLog({ ...kafkaOptions(settings), logger, now });
  if (spool === undefined) return log;
  const folder = resolve(settings.spoolDirectory);
  let kept: SpoolStore | undefined;
  try {
    kept = await openEmbeddedLog({ directory: folder, partitions: 1, writes: topics, now });
    return await openSpooledLog({ log, spool: kept, maxBytes: settings.spoolBytes, ...spool, logger, now });
  } catch (error) {
    await kept?.close();
    await log.close();
    throw error;
  }
};

/** What the settings say of Kafka. */
export const kafkaOptions = (settings: LogSettings): KafkaOptions => {
  const {
    kafkaSaslMechanism: mechanism,
    kafkaSaslUsername: username = '',
    kafkaSaslPassword: password = '',
  } = settings;
  return {
    brokers: settings.kafkaBrokers?.split(',') ?? [],
    clientId: settings.kafkaClientId,
    topicPrefix: settings.kafkaTopicPrefix,
    tls: settings.kafkaTls,
    ...(mechanism !== undefined && { sasl: { mechanism, username, password } }),
    compression: settings.kafkaCompression,
    partitions: settings.logPartitions,
    replication: settings.kafkaReplication,
    retention: retentionOf(settings),
  };
};

const retentionOf = ({ logRetentionHours, logRetentionBytes }: LogSettings) => ({
  ageMs: logRetentionHours * 3_600_000,
  bytes: logRetentionBytes,
});
