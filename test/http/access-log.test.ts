import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { WatchnextError } from '../../src/errors.js';
import {
  createLogger,
  createMetrics,
  createTracer,
  Timeline,
  type LogLevel,
  type Tracer,
} from '../../src/telemetry/index.js';
import { refusingEarly } from '../../src/http/visit.js';
import { createAccessLog, type AccessLogSettings } from '../../src/http/access-log.js';
import { startCollector, type Collector } from '../telemetry/collector.js';
import { startApp, type TestService } from './client.js';
import { until } from '../until.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

const logged = (level: LogLevel = 'debug') => {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  return { lines, logger: createLogger({ level, destination }) };
};

const app = async (options: Parameters<typeof startApp>[0]): Promise<TestService> => {
  const service = await startApp(options);
  open.push(service);
  return service;
};

const request = { user: { id: 'u1' }, candidates: [{ id: 'a' }, { id: 'b' }, { id: 'c' }] };
/** The line comes when the connection has taken the answer, which may be after its client has read it. */
const answeredIn = async (lines: readonly Record<string, unknown>[]): Promise<Record<string, unknown>> => {
  const find = (): Record<string, unknown> | undefined => lines.find(({ msg }) => msg === 'answered');
  await until(() => find() !== undefined);
  return find()!;
};

describe('the line of a ranking that is refused on arrival', () => {
  const refuse = async (count: number, settings: AccessLogSettings) => {
    const { lines, logger } = logged();
    const turns = { isFull: true, refuse: () => new WatchnextError('overloaded', 'Too many.', { retryAfterMs: 1000 }) };
    const options = { turns, metrics: createMetrics(), readiness: { draining: false }, logger, settings };
    const server = createServer(refusingEarly(() => undefined, options));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => new Promise((resolve) => server.close(() => resolve())) });
    const { port } = server.address() as AddressInfo;
    for (let i = 0; i < count; i++) {
      const headers = { 'x-request-id': `r-${i}`, connection: 'close' };
      const { status } = await fetch(`http://127.0.0.1:${port}/v1/rank`, { method: 'POST', headers, body: '{}' });
      expect(status).toBe(503);
    }
    return lines;
  };

  test('has its request id, and why', async () => {
    const [line, ...others] = await refuse(1, { accessLog: 'info' });
    expect(line).toMatchObject({ level: 30, msg: 'refused on arrival', requestId: 'r-0', method: 'POST' });
    expect(line).toMatchObject({ route: '/v1/rank', status: 503, code: 'overloaded' });
    expect(others).toEqual([]);
  });

  test('comes as often as the ratio says, and not at all where answers have none', async () => {
    const lines = await refuse(12, { accessLog: 'info', accessLogRatio: 0.25 });
    expect(lines.map(({ requestId }) => requestId)).toEqual(['r-3', 'r-7', 'r-11']);
    expect(await refuse(3, { accessLog: 'off' })).toEqual([]);
  });
});

describe('the line of an answered request', () => {
  test('says what was asked for and what it took, and nothing of the body', async () => {
    const { lines, logger } = logged();
    const { call } = await app({ logger, settings: { accessLog: 'info' } });
    const { status, headers } = await call('POST', '/v1/rank', request, { 'x-request-id': 'r-1' });
    expect([status, headers['x-request-id']]).toEqual([200, 'r-1']);
    const line = await answeredIn(lines);
    expect(line).toMatchObject({ level: 30, requestId: 'r-1', method: 'POST', route: '/v1/rank', status: 200 });
    expect(line).toMatchObject({ ranker: expect.any(String), version: expect.any(String), candidates: 3 });
    expect(line['milliseconds']).toBeGreaterThan(0);
    expect(JSON.stringify(lines)).not.toContain('u1');
  });

  test('has the pattern of its route, never the path', async () => {
    const { lines, logger } = logged();
    const { call } = await app({ logger });
    await call('GET', '/nowhere/s3cret');
    expect(await answeredIn(lines)).toMatchObject({ route: 'unknown', status: 404, level: 20 });
    expect(JSON.stringify(lines)).not.toContain('s3cret');
  });

  test('is a warning with the time of each stage where it was slow', () => {
    const { lines, logger } = logged('warn');
    const log = createAccessLog(logger, { accessLog: 'off', slowRequestMs: 100 });
    const timeline = new Timeline();
    timeline.span('merge', 0, 2);
    timeline.span('score', 2, 150);
    timeline.note({ ranker: 'films' });
    const answered = { requestId: 'r', method: 'POST', route: '/v1/rank', status: 200, key: 'app', timeline };
    log({ ...answered, milliseconds: 99 });
    log({ ...answered, milliseconds: 151 });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ level: 40, msg: 'a slow request', ranker: 'films', key: 'app' });
    expect(lines[0]!['stages']).toEqual({ merge: 2, score: 148 });
  });

  test('is there for so many of them, evenly, and for every failure', () => {
    const count = (settings: Parameters<typeof createAccessLog>[1], status: number): number => {
      const { lines, logger } = logged();
      const log = createAccessLog(logger, settings);
      for (let i = 0; i < 100; i++)
        log({
          requestId: 'r',
          method: 'GET',
          route: '/',
          status,
          milliseconds: 1,
          key: undefined,
          timeline: new Timeline(),
        });
      return lines.length;
    };
    expect(count({}, 200)).toBe(100);
    expect(count({ accessLogRatio: 0.25 }, 200)).toBe(25);
    expect(count({ accessLogRatio: 0 }, 200)).toBe(0);
    expect(count({ accessLogRatio: 0 }, 503)).toBe(100);
    expect(count({ accessLog: 'off' }, 503)).toBe(0);
  });
});

describe('a traced ranking', () => {
  test('has a span of each stage, and its log lines name the trace', async () => {
    const collector: Collector = await startCollector();
    open.push(collector);
    const tracer: Tracer = await createTracer({ endpoint: collector.endpoint, ratio: 1, version: '1' });
    const { lines, logger } = logged();
    const { call } = await app({ logger, tracer });
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    await call('POST', '/v1/rank', request, { traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
    expect(await answeredIn(lines)).toMatchObject({ traceId });
    await tracer.close();
    const root = collector.spans.find(({ name }) => name === 'POST /v1/rank')!;
    expect(root).toMatchObject({ traceId, parentSpanId: '00f067aa0ba902b7' });
    expect(root.attributes).toContainEqual({ key: 'http.response.status_code', value: { intValue: 200 } });
    const parts = collector.spans.filter(({ parentSpanId }) => parentSpanId === root.spanId);
    expect(parts.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['body', 'merge', 'features', 'score', 'combine', 'serialise']),
    );
    for (const { startTimeUnixNano, endTimeUnixNano } of parts)
      expect(BigInt(startTimeUnixNano)).toBeLessThanOrEqual(BigInt(endTimeUnixNano));
  });
});
