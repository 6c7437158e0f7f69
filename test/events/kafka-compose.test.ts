import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { kafkaVersions } from '../../cli/kafka/index.js';
import { readSettings } from '../../src/settings.js';

interface Service {
  readonly image: string;
  readonly command?: string;
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

const { services, volumes } = parse(readFileSync('compose.yaml', 'utf8'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};

test('compose.yaml runs the broker that the tests run, and opens ports on loopback only', () => {
  expect(services['broker']?.image).toBe(`apache/kafka:${kafkaVersions['4']}`);
  const ports = Object.values(services).flatMap((service) => service.ports ?? []);
  expect(ports.sort()).toEqual(['127.0.0.1:8080:8080', '127.0.0.1:9092:9092']);
});

test('compose.yaml waits for services that it has, and keeps data in volumes that it declares', () => {
  for (const service of Object.values(services)) {
    for (const name of Object.keys(service.depends_on ?? {})) expect(Object.keys(services)).toContain(name);
    const named = (service.volumes ?? [])
      .map((volume) => volume.split(':')[0] ?? '')
      .filter((name) => /^\w/.test(name));
    for (const name of named) expect(Object.keys(volumes)).toContain(name);
  }
});

test('the service and the learner of compose.yaml use settings that exist, and the broker’s inner address', () => {
  for (const name of ['service', 'learner']) {
    const settings = readSettings({ ...services[name]?.environment }, {});
    expect(settings).toMatchObject({ log: 'kafka', kafkaBrokers: 'broker:19092' });
  }
  expect(services['broker']?.environment?.['KAFKA_ADVERTISED_LISTENERS']).toContain('INSIDE://broker:19092');
});
