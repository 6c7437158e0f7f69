import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { catalogue } from '../../src/errors.js';
import {
  createLogger,
  createMetrics,
  metricCatalogue,
  metricsPage,
  watchProcess,
  type MetricSpec,
} from '../../src/telemetry/index.js';
import { scraped } from './scraped.js';

const table = (file: string): string[][] =>
  readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );

describe('the pages', () => {
  test('docs/metrics.md is what the catalogue says', () => {
    const written = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
    const same = written === metricsPage();
    expect(same ? 'the same' : 'run: npm run build && npx watchnext metrics --markdown > docs/metrics.md').toBe(
      'the same',
    );
  });

  test('every metric says its unit in its name where it has one, in the units of Prometheus', () => {
    const wrong = Object.entries(metricCatalogue).filter(([name, { kind, unit }]: [string, MetricSpec]) => {
      const ending = /_(seconds|bytes|ratio)(?:_total)?$/.exec(name)?.[1];
      const counts = name.endsWith('_total');
      return (['seconds', 'bytes'].includes(unit) && ending !== unit) || counts !== (kind === 'counter');
    });
    expect(wrong.map(([name]) => name)).toEqual([]);
  });

  test('no label is one that grows with traffic', () => {
    const labels = new Set(Object.values(metricCatalogue).flatMap(({ labels }) => Object.keys(labels)));
    for (const label of ['user', 'item', 'id', 'path', 'url', 'requestId', 'le']) expect(labels).not.toContain(label);
  });

  test('docs/errors.md lists the codes there are, with status and retriability, and no others', () => {
    const written = table('errors.md').map(([code, status, retriable]) => [code, status, retriable]);
    const real = Object.entries(catalogue).map(([code, { status, retriable }]) => [
      code,
      String(status),
      retriable ? 'yes' : 'no',
    ]);
    expect(written.sort()).toEqual(real.sort());
  });
});

describe('metrics', () => {
  test('of several services in one process are apart', async () => {
    const [one, two] = [createMetrics(), createMetrics()];
    one.count('watchnext_rankings_total', { ranker: 'r' }, 3);
    expect(await one.scrape()).toContain('watchnext_rankings_total{ranker="r"} 3');
    expect(await two.scrape()).not.toContain('ranker="r"');
  });

  test('of the process are read at each scrape', async () => {
    const metrics = createMetrics();
    const stop = watchProcess(metrics, { version: '1.2.3' });
    const text = await metrics.scrape();
    stop();
    const [, resident] = /watchnext_memory_bytes\{area="resident"\} (\d+)/.exec(text) ?? [];
    expect(Number(resident)).toBeGreaterThan(10 * 1024 * 1024);
    const [, own] = /watchnext_memory_bytes\{area="private"\} (\d+)/.exec(text) ?? [];
    expect(Number(own)).toBeGreaterThan(process.memoryUsage().heapUsed);
    // The program itself and its libraries are pages of files.
    if (process.platform === 'linux') expect(Number(own)).toBeLessThan(Number(resident));
    expect(text).toContain('watchnext_event_loop_delay_seconds{quantile="0.99"}');
    expect(text).toContain(`watchnext_build_info{version="1.2.3",node="${process.versions.node}"} 1`);
  });

  test('of the process grow by what it did meanwhile', async () => {
    const metrics = createMetrics();
    const stop = watchProcess(metrics, { version: '1.2.3' });
    await metrics.scrape();
    const before = process.cpuUsage();
    while (process.cpuUsage(before).user < 100_000) Math.sqrt(2);
    const [cpuFrom, uptimeFrom] = [process.cpuUsage().user / 1e6, process.uptime()];
    const value = await scraped(metrics);
    const [cpuTo, uptimeTo] = [process.cpuUsage().user / 1e6, process.uptime()];
    stop();
    const cpu = value('watchnext_cpu_seconds_total{mode="user"}');
    expect(cpu).toBeGreaterThanOrEqual(Math.max(0.1, cpuFrom) - 1e-6);
    expect(cpu).toBeLessThanOrEqual(cpuTo + 1e-6);
    // Nothing but that loop ran in between.
    expect(value('watchnext_event_loop_utilisation_ratio')).toBeGreaterThan(0.5);
    expect(value('watchnext_uptime_seconds')).toBeGreaterThanOrEqual(uptimeFrom);
    expect(value('watchnext_uptime_seconds')).toBeLessThanOrEqual(uptimeTo);
    if (process.platform === 'linux') expect(value('watchnext_open_files')).toBeGreaterThan(3);
  });

  test('have pauses of garbage collection as they happen', async () => {
    const metrics = createMetrics();
    const stop = watchProcess(metrics, { version: '1.2.3' });
    let text = '';
    for (let round = 0; round < 200 && !text.includes('watchnext_gc_seconds_count{kind="minor"}'); round++) {
      Array.from({ length: 100_000 }, (_, i) => ({ i }));
      await new Promise((resolve) => setTimeout(resolve, 5));
      text = await metrics.scrape();
    }
    stop();
    expect(text).toMatch(/watchnext_gc_seconds_count\{kind="minor"\} [1-9]/);
  });

  test('are those of one kind of process', async () => {
    const [service, learner] = await Promise.all([createMetrics().scrape(), createMetrics('learner').scrape()]);
    expect(service).toContain('watchnext_rankings_total');
    expect(service).not.toContain('watchnext_learner_lag_seconds');
    expect(learner).toContain('watchnext_learner_lag_seconds');
    expect(learner).not.toContain('watchnext_rankings_total');
  });
});

describe('the log', () => {
  test('is JSON lines that no value can forge, without secrets', () => {
    const lines: string[] = [];
    const logger = createLogger({ level: 'info', destination: { write: (line) => void lines.push(line) } });
    logger.debug({}, 'too small');
    logger.info(
      { requestId: 'a"\n{"level":60}', headers: { authorization: 'Bearer s3cret' }, adminKey: 's3cret' },
      'hello',
    );
    expect(lines).toHaveLength(1);
    expect(lines[0]!.trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({ requestId: 'a"\n{"level":60}', msg: 'hello' });
    expect(lines[0]).not.toContain('s3cret');
  });
});
