import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { recordOf } from '../src/events/index.js';
import { kafkaOptions, openLog } from '../src/log.js';
import { readSettings } from '../src/settings.js';
import { silentLogger } from '../src/telemetry/index.js';

test('every setting of Kafka reaches its client', () => {
  const env = {
    WATCHNEXT_LOG: 'kafka',
    WATCHNEXT_KAFKA_BROKERS: 'kafka-1:9092,kafka-2:9093',
    WATCHNEXT_KAFKA_CLIENT_ID: 'shop-ranking',
    WATCHNEXT_KAFKA_TOPIC_PREFIX: 'shop.',
    WATCHNEXT_KAFKA_TLS: 'true',
    WATCHNEXT_KAFKA_SASL_MECHANISM: 'scram-sha-512',
    WATCHNEXT_KAFKA_SASL_USERNAME: 'ranker',
    WATCHNEXT_KAFKA_SASL_PASSWORD: 'secret',
    WATCHNEXT_KAFKA_COMPRESSION: 'none',
    WATCHNEXT_KAFKA_REPLICATION: '3',
    WATCHNEXT_LOG_PARTITIONS: '12',
    WATCHNEXT_LOG_RETENTION_HOURS: '2',
    WATCHNEXT_LOG_RETENTION_BYTES: '5000000',
  };
  expect(kafkaOptions(readSettings(env))).toEqual({
    brokers: ['kafka-1:9092', 'kafka-2:9093'],
    clientId: 'shop-ranking',
    topicPrefix: 'shop.',
    tls: true,
    sasl: { mechanism: 'scram-sha-512', username: 'ranker', password: 'secret' },
    compression: 'none',
    replication: 3,
    partitions: 12,
    retention: { ageMs: 7_200_000, bytes: 5_000_000 },
  });
});

test('without a way to sign in nothing of it is sent', () => {
  expect(kafkaOptions(readSettings({}))).not.toHaveProperty('sasl');
});

test('the embedded log has the folder, the partitions and the age that the settings say', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'watchnext-log-'));
  let now = 1_000_000;
  const settings = readSettings({}, { logDirectory: join(folder, 'log'), logPartitions: 2, logRetentionHours: 1 });
  const log = await openLog(settings, { logger: silentLogger, now: () => now, writes: ['events'] });
  expect(await log.partitions('events')).toBe(2);
  const append = (count: number): Promise<void> =>
    log.append(
      'events',
      Array.from({ length: count }, () => recordOf({ kind: 'marker', time: now }, 1)),
    );
  await append(10);
  now += 2 * 3_600_000;
  await append(1);
  await append(1);
  const [, bounds] = await log.bounds('events');
  expect(bounds).toEqual({ first: 10, next: 12 });
  await log.close();
  expect(await readdir(folder)).toEqual(['log']);
  await rm(folder, { recursive: true });
});

test('a log that is off cannot be opened, and says which setting it is', async () => {
  await expect(openLog(readSettings({ WATCHNEXT_LOG: 'off' }), { logger: silentLogger })).rejects.toMatchObject({
    code: 'settings_invalid',
    problems: [{ path: 'log', hint: 'use --log embedded or --log kafka' }],
  });
});
