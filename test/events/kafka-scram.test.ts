import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { freePort } from '../../cli/free-port.js';
import { missingPrograms, startBroker, type Broker, type ScramUser } from '../../cli/kafka/index.js';
import { openLog } from '../../src/log.js';
import { readSettings } from '../../src/settings.js';
import { silentLogger } from '../../src/telemetry/index.js';
import { everything, textOf } from './spool-logs.js';

const users: readonly ScramUser[] = [
  { mechanism: 'SCRAM-SHA-256', name: 'alice', password: 'opens-256' },
  { mechanism: 'SCRAM-SHA-512', name: 'bob', password: 'opens-512' },
];
let broker: Broker | undefined;

const missing = await missingPrograms();
if (missing.length > 0)
  process.stderr.write(
    `SKIPPED, NO KAFKA THAT ASKS FOR SCRAM: ${missing.map(({ path, message }) => `${path} ${message}`).join(', ')}\n`,
  );
const having = missing.length === 0 ? describe : describe.skip;

having('a Kafka broker that asks for SCRAM', () => {
  beforeAll(async () => {
    const internal = await freePort();
    broker = await startBroker({
      users,
      properties: ({ port, controllerPort }) => ({
        listeners: `SASL_PLAINTEXT://127.0.0.1:${port},INTERNAL://127.0.0.1:${internal},CONTROLLER://127.0.0.1:${controllerPort}`,
        'listener.security.protocol.map': 'SASL_PLAINTEXT:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
        'inter.broker.listener.name': 'INTERNAL',
        'sasl.enabled.mechanisms': 'SCRAM-SHA-256,SCRAM-SHA-512',
        'listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config': login,
        'listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config': login,
      }),
    });
  }, 240_000);
  afterAll(() => broker?.stop(), 60_000);

  const login = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  const settingsOf = ({ mechanism, name, password }: ScramUser) =>
    readSettings({
      WATCHNEXT_LOG: 'kafka',
      WATCHNEXT_KAFKA_BROKERS: broker!.brokers.join(','),
      WATCHNEXT_KAFKA_TOPIC_PREFIX: `${name}.`,
      WATCHNEXT_KAFKA_SASL_MECHANISM: mechanism.toLowerCase(),
      WATCHNEXT_KAFKA_SASL_USERNAME: name,
      WATCHNEXT_KAFKA_SASL_PASSWORD: password,
      WATCHNEXT_LOG_PARTITIONS: '1',
    });

  test.each(users)(
    'is written and read by who signs in with $mechanism, as the settings say',
    async (user) => {
      const log = await openLog(settingsOf(user), { logger: silentLogger });
      try {
        await log.append('events', [{ key: 'u', time: 1, value: new TextEncoder().encode(user.mechanism) }]);
        expect((await everything(log, 'events', 1)).map(textOf)).toEqual([user.mechanism]);
      } finally {
        await log.close();
      }
    },
    240_000,
  );

  test.each([
    ['another password', { ...users[0]!, password: 'guess' }],
    ['another mechanism than the user’s', { ...users[0]!, mechanism: 'SCRAM-SHA-512' as const }],
    ['a name that nobody has', { ...users[1]!, name: 'mallory' }],
  ])(
    'lets nobody in with %s',
    async (_, user) => {
      const log = await openLog(settingsOf(user), { logger: silentLogger });
      try {
        await expect(log.partitions('events')).rejects.toMatchObject({
          code: 'log_unavailable',
          message: expect.stringMatching(/uthentication failed/),
        });
      } finally {
        await log.close();
      }
    },
    240_000,
  );
});
