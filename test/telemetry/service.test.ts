import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { startServer } from '../../src/server.js';
import { readSettings } from '../../src/settings.js';
import { createLogger } from '../../src/telemetry/index.js';
import { startCollector } from './collector.js';

test('a service says what it does where its settings say: a port for metrics, traces, a line per answer', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'watchnext-telemetry-'));
  const collector = await startCollector();
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  const settings = readSettings(
    { WATCHNEXT_OTLP_HEADERS: 'x-key=s3cret' },
    {
      ...{ models: folder, store: join(folder, 'store'), log: 'off', port: 0, device: 'cpu' },
      ...{ metricsPort: 0, accessLog: 'info', otlpEndpoint: collector.endpoint, traceRatio: 1 },
    },
  );
  const server = await startServer(settings, { logger: createLogger({ level: 'info', destination }), signals: false });
  try {
    const { url } = lines.find(({ msg }) => msg === 'metrics are served here too') as { url: string };
    expect((await fetch(`${url}/healthz`)).status).toBe(503); // no model serves
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('watchnext_ready 0');
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    await server.close();
    expect(collector.spans.map(({ name }) => name)).toContain('GET /healthz');
    expect(collector.requests[0]!.headers).toMatchObject({ 'x-key': 's3cret' });
    const [root] = collector.spans;
    expect(lines.find(({ msg }) => msg === 'answered')).toMatchObject({ route: '/healthz', traceId: root!.traceId });
    expect(JSON.stringify(lines)).not.toContain('s3cret');
  } finally {
    await server.close();
    await collector.close();
    await rm(folder, { recursive: true, force: true });
  }
});
