import { join } from 'node:path';
import type { EventLog, Topic } from '../../src/events/index.js';
import { openLog } from '../../src/log.js';
import { readSettings } from '../../src/settings.js';
import { silentLogger } from '../../src/telemetry/index.js';
import { kafkasUnderTest } from '../events/kafka-broker.js';

/** Where the log of a test lies: how commands are told, and how the test itself opens it. */
export interface LogPlace {
  readonly name: string;
  start(): Promise<void>;
  flags(folder: string): string[];
  open(folder: string, writes?: readonly Topic[]): Promise<EventLog>;
  /** For logs whose server can be stopped and started again. */
  readonly outage?: { begin(): Promise<void>; end(): Promise<void> };
  stop(): Promise<void>;
}

const opened =
  (settings: (folder: string) => Record<string, string>): LogPlace['open'] =>
  (folder, writes = []) =>
    openLog(readSettings({}, settings(folder)), { logger: silentLogger, writes });

const asFlags = (settings: Record<string, string>): string[] =>
  Object.entries(settings).flatMap(([name, value]) => [
    `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    value,
  ]);

const embedded: LogPlace = {
  name: 'the embedded log',
  start: () => Promise.resolve(),
  flags: (folder) => asFlags({ logDirectory: join(folder, 'log') }),
  open: opened((folder) => ({ logDirectory: join(folder, 'log') })),
  stop: () => Promise.resolve(),
};

/** The embedded log, and the newest Kafka there is to test on. */
export const logPlaces = async (): Promise<readonly LogPlace[]> => {
  const [kafka] = await kafkasUnderTest();
  if (kafka === undefined) return [embedded];
  const prefix = `faults-${process.pid}-${Date.now()}.`;
  const settings = (folder: string): Record<string, string> => ({
    log: 'kafka',
    kafkaBrokers: kafka.brokers().join(','),
    kafkaTopicPrefix: prefix,
    spoolDirectory: join(folder, 'spool'),
  });
  const broker = kafka.broker;
  return [
    embedded,
    {
      name: kafka.name,
      start: () => kafka.start(),
      flags: (folder) => asFlags(settings(folder)),
      open: opened(settings),
      outage: {
        begin: async () => broker()?.kill(),
        end: async () => broker()?.restart(),
      },
      stop: () => kafka.stop(),
    },
  ];
};
