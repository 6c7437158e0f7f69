import type { Logger } from '../../telemetry/index.js';
import type { EventLog } from '../types.js';
import type { KafkaOptions } from './options.js';

/**
 * The event log on a Kafka cluster. It opens also while no broker can be reached: then each call is log_unavailable after
 * `timeoutMs`, and works once there is one. Topics that are missing are made when first used. Throws settings_invalid.
 */
export const openKafkaLog = async (
  options: KafkaOptions & { readonly logger?: Logger; readonly now?: () => number },
): Promise<EventLog> => {
  // The client takes a tenth of a second to load: only who uses Kafka waits for it.
  const { createKafkaLog } = await import('./log.js');
  return createKafkaLog(options);
};

export type { KafkaOptions, KafkaSasl, KafkaTls } from './options.js';
