import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';
import { operationRoutes } from '../../src/http/operations.js';
import { settingSources } from '../../src/settings.js';
import { createMetrics, metricCatalogue } from '../../src/telemetry/index.js';
import { environmentOf, lastOf } from './dockerfile.js';
import { unread } from './strict.js';

const folder = 'deploy/kubernetes/';
const load = createRequire(import.meta.url);

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
}
interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: object }[];
  readonly envFrom: readonly { readonly configMapRef?: { name: string }; readonly secretRef?: { name: string } }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
  readonly securityContext: object;
  readonly resources: { readonly requests: object; readonly limits: Readonly<Record<string, string>> };
}
interface StatefulSet extends Manifest {
  readonly spec: {
    readonly replicas?: number;
    readonly serviceName: string;
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly volumeClaimTemplates: readonly { readonly metadata: { readonly name: string } }[];
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: {
        readonly serviceAccountName: string;
        readonly automountServiceAccountToken: boolean;
        readonly terminationGracePeriodSeconds: number;
        readonly securityContext: { readonly runAsUser: number; readonly runAsGroup: number };
        readonly containers: readonly [Container];
        readonly volumes: readonly {
          readonly name: string;
          readonly persistentVolumeClaim?: { readonly claimName: string; readonly readOnly?: boolean };
          readonly secret?: { readonly secretName: string };
        }[];
      };
    };
  };
}

interface Kustomization {
  readonly resources: readonly string[];
  readonly configMapGenerator: readonly { readonly name: string; readonly envs: readonly string[] }[];
}
const kustomization = parse(readFileSync(`${folder}kustomization.yaml`, 'utf8')) as Kustomization;
const documents = (file: string): Manifest[] =>
  parseAllDocuments(readFileSync(folder + file, 'utf8')).map((document) => document.toJS() as Manifest);
const monitoring = ['monitoring/scrape.yaml', 'monitoring/alerts.yaml'];
const all = [...kustomization.resources, 'secret.example.yaml', ...monitoring].flatMap((file) =>
  documents(file).map((manifest) => [`${manifest.kind} ${manifest.metadata.name}`, manifest] as const),
);
const named = (kind: string, name: string): Manifest => {
  const found = all.find(([key]) => key === `${kind} ${name}`);
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  return found[1];
};
const statefulSet = (name: string): StatefulSet => named('StatefulSet', name) as StatefulSet;

const variables = (file: string): Record<string, string> =>
  Object.fromEntries(
    readFileSync(folder + file, 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
  );
const known = settingSources.map(({ env }) => env);
const unknown = (names: readonly string[]): string[] =>
  names.filter((name) => name.startsWith('WATCHNEXT_') && !known.includes(name));

interface Model {
  new (value: object): object;
  readonly prototype: { validate(): void };
}

describe('deploy/kubernetes', () => {
  test.each(all)('%s is what the API allows, without a key that it does not know', (_, manifest) => {
    const { apiVersion, kind } = manifest;
    const place = apiVersion.startsWith('monitoring') ? '@kubernetes-models/prometheus-operator' : 'kubernetes-models';
    const model = (load(`${place}/${apiVersion}/${kind}`) as Record<string, Model>)[kind]!;
    expect(unread(new model(manifest), (watched) => model.prototype.validate.call(watched))).toEqual([]);
  });

  test('would be refused with a value of a wrong type, and with a misspelt name', () => {
    const { StatefulSet: model } = load('kubernetes-models/apps/v1/StatefulSet') as { StatefulSet: Model };
    const { spec, ...rest } = statefulSet('watchnext');
    const check = (watched: object): void => model.prototype.validate.call(watched);
    expect(() => unread(new model({ ...rest, spec: { ...spec, replicas: 'two' } }), check)).toThrow(/replicas/);
    expect(unread(new model({ ...rest, spec: { ...spec, replica: 2 } }), check)).toEqual(['/spec/replica']);
  });

  test('is put together by kustomize, with its components, where kubectl is', async () => {
    const overlay = await mkdtemp(join(tmpdir(), 'watchnext-overlay-'));
    try {
      const base = relative(await realpath(overlay), resolve(folder));
      const components = ['monitoring', 'autoscale-on-cpu'].map((name) => join(base, name));
      await writeFile(join(overlay, 'kustomization.yaml'), JSON.stringify({ resources: [base], components }));
      const build = spawnSync('kubectl', ['kustomize', overlay], { encoding: 'utf8', timeout: 20_000 });
      if (build.error !== undefined) {
        console.info('kubectl is not here: kustomize is not tried');
        return;
      }
      expect(build.stderr).toBe('');
      const built = parseAllDocuments(build.stdout).map((document) => document.toJS() as Manifest);
      expect(built.map(({ kind }) => kind)).toEqual(
        expect.arrayContaining(['Namespace', 'StatefulSet', 'ConfigMap', 'PrometheusRule', 'ServiceMonitor']),
      );
      expect(build.stdout).toContain('averageUtilization: 60');
    } finally {
      await rm(overlay, { recursive: true, force: true });
    }
  }, 240_000);

  test('names files, claims, accounts, maps and secrets that there are', () => {
    for (const { envs } of kustomization.configMapGenerator)
      for (const file of envs) expect(existsSync(folder + file)).toBe(true);
    for (const name of ['watchnext', 'watchnext-learner']) {
      const { serviceName, template, volumeClaimTemplates, selector } = statefulSet(name).spec;
      expect(named('Service', serviceName)).toBeDefined();
      expect(named('ServiceAccount', template.spec.serviceAccountName)).toBeDefined();
      expect(template.metadata.labels).toMatchObject(selector.matchLabels);
      const [container] = template.spec.containers;
      const volumes = [
        ...template.spec.volumes.map((volume) => volume.name),
        ...volumeClaimTemplates.map(({ metadata }) => metadata.name),
      ];
      expect(container.volumeMounts.map((mount) => mount.name).sort()).toEqual(volumes.sort());
      for (const { persistentVolumeClaim: claim, secret } of template.spec.volumes) {
        if (claim !== undefined) expect(named('PersistentVolumeClaim', claim.claimName)).toBeDefined();
        if (secret !== undefined) expect(named('Secret', secret.secretName)).toBeDefined();
      }
      for (const { configMapRef, secretRef } of container.envFrom) {
        if (configMapRef !== undefined)
          expect(kustomization.configMapGenerator.map((map) => map.name)).toContain(configMapRef.name);
        if (secretRef !== undefined) expect(named('Secret', secretRef.name)).toBeDefined();
      }
    }
  });

  test('sets settings that there are', () => {
    const secret = named('Secret', 'watchnext') as Manifest & { stringData: Record<string, string> };
    const pods = ['watchnext', 'watchnext-learner'].flatMap((name) =>
      statefulSet(name).spec.template.spec.containers[0].env.map((variable) => variable.name),
    );
    const files = [...Object.keys(variables('service.env')), ...Object.keys(variables('learner.env'))];
    const used = [...files, ...Object.keys(secret.stringData), ...pods];
    expect(used.length).toBeGreaterThan(15);
    expect(unknown(used)).toEqual([]);
    // Both sides of the loop mean the same log.
    const { WATCHNEXT_KAFKA_BROKERS: brokers, WATCHNEXT_LOG_PARTITIONS: partitions } = variables('service.env');
    expect(variables('learner.env')).toMatchObject({
      WATCHNEXT_KAFKA_BROKERS: brokers,
      WATCHNEXT_LOG_PARTITIONS: partitions,
    });
  });

  test.each(['watchnext', 'watchnext-learner'])('%s runs with no right that it does not need', (name) => {
    const { spec } = statefulSet(name).spec.template;
    const image = name === 'watchnext' ? 'service' : 'learner';
    const [uid, gid] = lastOf(image, 'USER')!.text.split(':').map(Number);
    expect(spec).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: uid,
        runAsGroup: gid,
        seccompProfile: { type: 'RuntimeDefault' },
      },
    });
    expect(spec.containers[0].securityContext).toEqual({
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    });
    expect(spec.containers[0].resources.limits['memory']).toMatch(/Gi$/);
    const mounted = spec.containers[0].volumeMounts.map(({ mountPath }) => mountPath);
    expect(mounted).toEqual(expect.arrayContaining(['/models', '/data']));
  });

  test('mounts the models for the service read-only, and keeps its spool over restarts', () => {
    const { template, volumeClaimTemplates } = statefulSet('watchnext').spec;
    const [container] = template.spec.containers;
    expect(container.volumeMounts.find(({ name }) => name === 'models')).toMatchObject({ readOnly: true });
    expect(template.spec.volumes.find(({ name }) => name === 'models')?.persistentVolumeClaim?.readOnly).toBe(true);
    const spool = environmentOf('service')['WATCHNEXT_SPOOL_DIRECTORY']!;
    const mount = container.volumeMounts.find(({ mountPath }) => spool.startsWith(`${mountPath}/`))!;
    expect(volumeClaimTemplates.map(({ metadata }) => metadata.name)).toContain(mount.name);
  });

  test('ends after draining, not within it', () => {
    const settings = variables('service.env');
    const drains = Number(settings['WATCHNEXT_DRAIN_DELAY_MS']) + Number(settings['WATCHNEXT_DRAIN_TIMEOUT_MS']);
    const { terminationGracePeriodSeconds: grace } = statefulSet('watchnext').spec.template.spec;
    expect(grace * 1000).toBeGreaterThanOrEqual(drains + 10_000);
    expect(Number(settings['WATCHNEXT_DRAIN_DELAY_MS'])).toBeGreaterThan(0);
  });

  test('asks for health where there is an answer', () => {
    const routes = operationRoutes({ notReady: () => undefined }, createMetrics(), { metricsKey: false }).map(
      ({ path }) => path,
    );
    const [container] = statefulSet('watchnext').spec.template.spec.containers;
    for (const probe of [container.startupProbe!, container.readinessProbe, container.livenessProbe]) {
      expect(routes).toContain(probe.httpGet.path);
      expect(container.ports.map(({ name }) => name)).toContain(probe.httpGet.port);
    }
    expect(container.readinessProbe.httpGet.path).toBe('/readyz');
    expect(container.livenessProbe.httpGet.path).not.toBe('/readyz');
    expect(container.ports[0]?.containerPort).toBe(Number(lastOf('service', 'EXPOSE')!.text));
  });

  test('starts the learner with flags that it has, on the port that is scraped', async () => {
    const { learnCommand } = await import('../../cli/learn.js');
    const [container] = statefulSet('watchnext-learner').spec.template.spec.containers;
    const flags = learnCommand().options.map(({ long }) => long!);
    expect(container.args[0]).toBe('learn');
    expect(container.args.filter((word) => word.startsWith('--') && !flags.includes(word))).toEqual([]);
    expect(container.args[container.args.indexOf('--metrics-port') + 1]).toBe(
      String(container.ports[0]?.containerPort),
    );
    expect(Object.keys(variables('learner.env'))).toContain(/\$\((\w+)\)/.exec(container.args[1]!)![1]);
  });

  test('scales by metrics that there are, and selects pods that there are', () => {
    const { metrics, scaleTargetRef } = (
      named('HorizontalPodAutoscaler', 'watchnext') as unknown as {
        spec: {
          metrics: { pods: { metric: { name: string; selector?: { matchLabels: Record<string, string> } } } }[];
          scaleTargetRef: { kind: string; name: string };
        };
      }
    ).spec;
    expect(named(scaleTargetRef.kind, scaleTargetRef.name)).toBeDefined();
    const specs: Readonly<Record<string, { labels: object }>> = metricCatalogue;
    const adapter = readFileSync(`${folder}monitoring/adapter-values.yaml`, 'utf8');
    const [, pattern = ''] = /__name__=~"([^"]+)"/.exec(adapter) ?? [];
    for (const { name, selector } of metrics.map(({ pods }) => pods.metric)) {
      expect(Object.keys(specs[name]?.labels ?? {})).toEqual(Object.keys(selector?.matchLabels ?? {}));
      expect(name).toMatch(new RegExp(`^${pattern}$`));
    }
    expect(metrics).toHaveLength(2);
  });

  test('has the alerts of dashboards/prometheus for the operator', () => {
    const written = documents('monitoring/alerts.yaml')[0] as Manifest & { spec: object };
    const rules = parse(readFileSync('dashboards/prometheus/alerts.yml', 'utf8')) as object;
    const same = JSON.stringify(written.spec) === JSON.stringify(rules);
    expect(same ? 'the same' : 'run: node deploy/kubernetes/monitoring/write-alerts.js').toBe('the same');
  });

  test('scrapes under the job names that alerts go by', () => {
    const jobs = new Set(
      [...readFileSync('dashboards/prometheus/alerts.yml', 'utf8').matchAll(/job="([\w-]+)"/g)].map(([, job]) => job!),
    );
    for (const job of jobs) {
      const { selector } = (named('ServiceMonitor', job) as unknown as { spec: { selector: { matchLabels: object } } })
        .spec;
      // The operator takes the job from the name of the Service.
      expect(named('Service', job).metadata.labels).toMatchObject(selector.matchLabels);
    }
    expect(jobs.size).toBe(2);
  });
});
