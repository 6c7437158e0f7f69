import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { missingPrograms, startBroker, type Broker } from '../../cli/kafka/index.js';
import { openKafkaLog, type KafkaOptions } from '../../src/events/index.js';
import { everything, textOf } from './spool-logs.js';

const run = promisify(execFile);
const directory = mkdtempSync(join(tmpdir(), 'watchnext-tls-'));
const keystore = join(directory, 'broker.p12');
const certificate = join(directory, 'broker.pem');
const store = ['-alias', 'broker', '-keystore', keystore, '-storepass', 'changeit', '-storetype', 'PKCS12'];
let broker: Broker | undefined;

const secured = ({ port, controllerPort }: { port: number; controllerPort: number }): Record<string, string> => ({
  listeners: `SASL_SSL://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
  'listener.security.protocol.map': 'SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT',
  'inter.broker.listener.name': 'SASL_SSL',
  'sasl.enabled.mechanisms': 'PLAIN',
  'sasl.mechanism.inter.broker.protocol': 'PLAIN',
  'listener.name.sasl_ssl.plain.sasl.jaas.config':
    'org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password="open" user_alice="open";',
  'ssl.keystore.type': 'PKCS12',
  'ssl.keystore.location': keystore,
  'ssl.keystore.password': 'changeit',
  'ssl.truststore.type': 'PKCS12',
  'ssl.truststore.location': keystore,
  'ssl.truststore.password': 'changeit',
});

const having = (await missingPrograms()).length === 0 ? describe : describe.skip;

having('a Kafka broker that wants TLS and a sign-in', () => {
  beforeAll(async () => {
    const subject = ['-dname', 'CN=127.0.0.1', '-ext', 'san=ip:127.0.0.1', '-keyalg', 'EC', '-validity', '2'];
    await run('keytool', ['-genkeypair', ...store, ...subject]);
    await run('keytool', ['-exportcert', '-rfc', '-file', certificate, ...store]);
    broker = await startBroker({ properties: secured });
  }, 240_000);
  afterAll(async () => {
    await broker?.stop();
    rmSync(directory, { recursive: true });
  }, 240_000);

  const partitionsWith = async (options: Partial<KafkaOptions>): Promise<number> => {
    const log = await openKafkaLog({ brokers: broker?.brokers ?? [], partitions: 2, timeoutMs: 1500, ...options });
    try {
      return await log.partitions('events');
    } finally {
      await log.close();
    }
  };
  const tls = (): { ca: string } => ({ ca: readFileSync(certificate, 'utf8') });
  const alice = { mechanism: 'plain', username: 'alice', password: 'open' } as const;

  test('is written and read with both', async () => {
    const log = await openKafkaLog({ brokers: broker?.brokers ?? [], tls: tls(), sasl: alice, timeoutMs: 20_000 });
    await log.append('events', [{ key: 'user', time: 1, value: new TextEncoder().encode('signed in') }]);
    expect((await everything(log, 'events', 1)).map(textOf)).toEqual(['signed in']);
    await log.close();
  });

  test('is log_unavailable with a wrong password, with an unknown authority, without TLS and without a sign-in', async () => {
    const wrong: Partial<KafkaOptions>[] = [
      { tls: tls(), sasl: { ...alice, password: 'guess' } },
      { tls: true, sasl: alice },
      { sasl: alice },
      { tls: tls() },
    ];
    const errors = await Promise.all(wrong.map((options) => partitionsWith(options).catch((error: unknown) => error)));
    for (const error of errors) expect(error).toMatchObject({ code: 'log_unavailable' });
    expect((errors[0] as Error).message).toContain('uthentication failed');
    expect((errors[1] as Error).message).toContain('self-signed certificate');
  });
});
