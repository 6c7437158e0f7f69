import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { settingSources } from '../../src/settings.js';
import { environmentOf, lastOf, stages } from './dockerfile.js';

interface Service {
  readonly image: string;
  readonly build?: { readonly target: string };
  readonly user?: string;
  readonly command?: string | readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly stop_grace_period?: string;
  readonly healthcheck?: { readonly test: string | readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly deploy: { readonly resources: { readonly limits: { readonly cpus: string; readonly memory: string } } };
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const file = parse(readFileSync('compose.yaml', 'utf8'), { merge: true }) as Compose;
const services = Object.entries(file.services);
const ours = services.filter(([, { image }]) => image.startsWith('watchnext'));
const prometheus = parse(readFileSync('dashboards/prometheus/prometheus.yml', 'utf8')) as {
  rule_files: string[];
  scrape_configs: { job_name: string; dns_sd_configs: { names: string[]; port: number }[] }[];
};

describe('compose.yaml', () => {
  test('is what the Compose Specification allows', () => {
    const schema = JSON.parse(readFileSync('test/deploy/schemas/compose-spec.json', 'utf8')) as object;
    const ajv = new Ajv2020({ strict: false, allErrors: true, formats: { duration: true, uint64: true } });
    const validate = ajv.compile(schema);
    expect(validate(file) ? [] : validate.errors).toEqual([]);
    expect(validate({ services: { service: { imagee: 'x' } } })).toBe(false);
  });

  test('has the whole loop', () => {
    expect(Object.keys(file.services)).toEqual(
      expect.arrayContaining(['service', 'learner', 'kafka', 'redis', 'prometheus', 'grafana']),
    );
  });

  test.each(services)('%s has no right that it does not need', (name, service) => {
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.security_opt).toContain('no-new-privileges:true');
    if (name !== 'kafka') expect(service.read_only).toBe(true);
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
    for (const [variable, value] of Object.entries(service.environment ?? {}))
      if (/password|secret|key$/i.test(variable)) expect(String(value)).toBe('');
    if (name !== 'first-version') {
      expect(service.deploy.resources.limits).toEqual({ cpus: expect.any(String), memory: expect.any(String) });
    }
  });

  test.each(ours)('%s is built by a stage that there is, and set by settings that there are', (_, service) => {
    expect(stages.map(({ name }) => name)).toContain(service.build?.target);
    const known = settingSources.map(({ env }) => env);
    const named = Object.keys(service.environment ?? {}).filter((variable) => variable.startsWith('WATCHNEXT_'));
    expect(named.filter((variable) => !known.includes(variable))).toEqual([]);
  });

  test.each(services)('%s mounts what is there', (_, { volumes = [] }) => {
    for (const volume of volumes) {
      const source = volume.replace(/\$\{\w+:-([^}]*)\}/g, '$1').split(':')[0]!;
      if (source.startsWith('.')) expect([source, existsSync(source)]).toEqual([source, true]);
      else expect(Object.keys(file.volumes)).toContain(source);
    }
  });

  test('waits for services that there are, and asks for health where there is a check', () => {
    for (const [, { depends_on: needed = {} }] of services)
      for (const [name, { condition }] of Object.entries(needed)) {
        const other = file.services[name];
        expect([name, other === undefined]).toEqual([name, false]);
        if (condition === 'service_healthy') expect([name, other!.healthcheck]).not.toEqual([name, undefined]);
      }
  });

  test('writes models in one place, and mounts them for the service read-only', () => {
    const of = (name: string): string | undefined =>
      file.services[name]!.volumes?.find((one) => one.includes('/models'));
    expect(of('service')).toMatch(/:\/models:ro$/);
    expect(of('learner')).toMatch(/:\/models$/);
    expect(environmentOf('service')['WATCHNEXT_MODELS']).toBe('/models');
    expect(file.services['service']!.volumes).toContain('data:/data');
  });

  test('gives the service longer to stop than draining takes', () => {
    const { stop_grace_period: grace = '', environment } = file.services['service']!;
    const drain = Number(environment!['WATCHNEXT_DRAIN_TIMEOUT_MS']);
    const standard = settingSources.find(({ name }) => name === 'drainDelayMs')!.default as number;
    expect(Number.parseInt(grace) * 1000).toBeGreaterThan(drain + standard + 5000);
  });

  test('says of each port of ours one that is listened on', () => {
    expect(file.services['service']!.ports).toEqual([`127.0.0.1:8080:${lastOf('service', 'EXPOSE')!.text}`]);
    const { command, healthcheck } = file.services['learner']!;
    const port = (command as string[])[(command as string[]).indexOf('--metrics-port') + 1];
    expect(String(healthcheck!.test)).toContain(`:${port}/`);
    const scraped = prometheus.scrape_configs.flatMap(({ dns_sd_configs }) =>
      dns_sd_configs.map(({ names, port: at }) => `${names.join()}:${at}`),
    );
    expect(scraped).toEqual([`service:${lastOf('service', 'EXPOSE')!.text}`, `learner:${port}`]);
  });

  test('starts commands with flags that they have', async () => {
    const { learnCommand } = await import('../../cli/learn.js');
    const flags = learnCommand().options.map(({ long }) => long);
    const [verb, , ...rest] = file.services['learner']!.command as string[];
    expect(verb).toBe('learn');
    expect(rest.filter((word) => word.startsWith('--') && !flags.includes(word))).toEqual([]);
    const script = file.services['first-version']!.command as string[];
    expect(script.join()).toContain('/app/models/demo/ranker.yaml');
    const { trainCommand } = await import('../../cli/train.js');
    const { simulateCommand } = await import('../../cli/simulate.js');
    for (const command of [trainCommand(), simulateCommand()]) {
      const line = script.join('\n').match(new RegExp(`watchnext\\.js ${command.name()} .*`))![0];
      const known = command.options.map(({ long }) => long);
      expect(line.match(/--[\w-]+/g)!.filter((flag) => !known.includes(flag))).toEqual([]);
    }
  });
});

describe('what Prometheus and Grafana read', () => {
  test('lies where they look for it', () => {
    for (const name of prometheus.rule_files) expect(existsSync(`dashboards/prometheus/${name}`)).toBe(true);
    const source = parse(readFileSync('dashboards/grafana/provisioning/datasources/prometheus.yaml', 'utf8')) as {
      datasources: { url: string }[];
    };
    expect(source.datasources.map(({ url }) => url)).toEqual(['http://prometheus:9090']);
    const provider = parse(readFileSync('dashboards/grafana/provisioning/dashboards/watchnext.yaml', 'utf8')) as {
      providers: { options: { path: string } }[];
    };
    const { volumes = [], environment = {} } = file.services['grafana']!;
    expect(volumes).toContain(`./dashboards/grafana:${provider.providers[0]!.options.path}:ro`);
    const home = String(environment['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH']);
    expect(existsSync(home.replace('/dashboards', 'dashboards/grafana'))).toBe(true);
  });
});
