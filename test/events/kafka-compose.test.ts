import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { kafkaVersions } from '../../cli/kafka/index.js';
import { readSettings } from '../../src/settings.js';

interface Service {
  readonly image: string;
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const { services } = parse(readFileSync('compose.yaml', 'utf8'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
};

test('compose.yaml runs the broker that the tests run, and opens ports on loopback only', () => {
  expect(services['kafka']?.image).toBe(`apache/kafka:${kafkaVersions['4']}`);
  for (const port of Object.values(services).flatMap(({ ports = [] }) => ports)) expect(port).toMatch(/^127\.0\.0\.1:/);
});

test('the service and the learner of compose.yaml meet the broker at its inner address', () => {
  const address = /INSIDE:\/\/([^,]+)/.exec(services['kafka']?.environment?.['KAFKA_ADVERTISED_LISTENERS'] ?? '')?.[1];
  for (const name of ['service', 'learner']) {
    const settings = readSettings({ ...services[name]?.environment }, {});
    expect(settings).toMatchObject({ log: 'kafka', kafkaBrokers: address });
  }
});
