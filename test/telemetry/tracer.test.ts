import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { SeededRandom } from '../../src/random.js';
import {
  createTracer,
  parseTraceparent,
  Timeline,
  type Tracer,
  type TracerOptions,
} from '../../src/telemetry/index.js';
import { startCollector, type Collector } from './collector.js';

const parent = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };
const traceparent = (flags: string): string => `00-${parent.traceId}-${parent.spanId}-${flags}`;

let collector: Collector;
let tracer: Tracer | undefined;
beforeEach(async () => {
  collector = await startCollector();
});
afterEach(async () => {
  await tracer?.close();
  await collector.close();
});
const open = async (options: Partial<TracerOptions> = {}): Promise<Tracer> =>
  (tracer = await createTracer({ endpoint: collector.endpoint, ratio: 1, version: '1.2.3', ...options }));

describe('a traced request', () => {
  test('is sent as one span with its parts under it, at the times they had', async () => {
    const traces = await open({ headers: 'x-token=s3cret,x-team=films' });
    const trace = traces.begin({ method: 'POST', traceparent: undefined });
    const timeline = new Timeline(trace);
    const before = performance.timeOrigin + timeline.started;
    timeline.span('features', timeline.started + 1, timeline.started + 3.5);
    timeline.note({ ranker: 'films', candidates: 200 });
    timeline.end({ 'http.route': '/v1/rank', 'http.response.status_code': 200 }, false);
    // What is over after the answer belongs to the trace too.
    timeline.span('append', timeline.started + 4, timeline.started + 9);
    await traces.close();

    expect(collector.requests[0]!.url).toBe('/v1/traces');
    expect(collector.requests[0]!.headers).toMatchObject({ 'x-token': 's3cret', 'x-team': 'films' });
    expect(collector.resource).toContainEqual({ key: 'service.name', value: { stringValue: 'watchnext' } });
    const root = collector.spans.find(({ name }) => name === 'POST /v1/rank')!;
    expect(root).toMatchObject({ traceId: timeline.traceId, kind: 2 });
    expect(root.parentSpanId ?? '').toBe('');
    expect(root.attributes).toContainEqual({ key: 'candidates', value: { intValue: 200 } });
    expect(root.attributes).toContainEqual({ key: 'ranker', value: { stringValue: 'films' } });
    const [features, append] = ['features', 'append'].map((wanted) =>
      collector.spans.find(({ name }) => name === wanted)!,
    );
    for (const part of [features!, append!]) expect(part.parentSpanId).toBe(root.spanId);
    const ms = (nanoseconds: string): number => Number(BigInt(nanoseconds) / 1000n) / 1000;
    expect(ms(features!.endTimeUnixNano) - ms(features!.startTimeUnixNano)).toBeCloseTo(2.5, 2);
    expect(ms(features!.startTimeUnixNano)).toBeCloseTo(before + 1, 1);
  });

  test('goes on with the trace of its client, and only if the client is traced', async () => {
    const traces = await open({ ratio: 0 });
    const followed = traces.begin({ method: 'GET', traceparent: traceparent('01') });
    expect(followed?.traceId).toBe(parent.traceId);
    followed!.end({ attributes: {}, failed: true });
    expect(traces.begin({ method: 'GET', traceparent: traceparent('00') })).toBeUndefined();
    expect(traces.begin({ method: 'GET', traceparent: undefined })).toBeUndefined();
    await traces.close();
    expect(collector.spans).toHaveLength(1);
    expect(collector.spans[0]).toMatchObject({ ...{ traceId: parent.traceId }, parentSpanId: parent.spanId });
    // An error, as OTLP numbers it.
    expect(collector.spans[0]!.status.code).toBe(2);
  });

  test('is one of so many', async () => {
    const traces = await open({ ratio: 0.2 });
    // Whether a request is traced goes by its id, which OpenTelemetry draws from here.
    const random = new SeededRandom(5);
    const drawn = jest.spyOn(Math, 'random').mockImplementation(() => random.next() / 2 ** 32);
    let traced = 0;
    for (let i = 0; i < 5000; i++) {
      const trace = traces.begin({ method: 'GET', traceparent: undefined });
      if (trace !== undefined) traced++;
    }
    expect(drawn).toHaveBeenCalled();
    drawn.mockRestore();
    // Five deviations of a binomial.
    expect(Math.abs(traced - 1000)).toBeLessThan(5 * Math.sqrt(5000 * 0.2 * 0.8));
  });

  test('costs nobody anything where the collector refuses, or is not there', async () => {
    for (const endpoint of [(await startCollector(400)).endpoint, 'http://127.0.0.1:9']) {
      const traces = await createTracer({ endpoint, ratio: 1, version: '1' });
      traces.begin({ method: 'GET', traceparent: undefined })!.end({ attributes: {}, failed: false });
      jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance', 'Date'] });
      try {
        const closing = traces.close();
        await jest.advanceTimersByTimeAsync(2000);
        // Waited for longer, it would wait for ever: no more time passes.
        await closing;
      } finally {
        jest.useRealTimers();
      }
    }
  });
});

test('a header that is no traceparent counts as not sent', () => {
  expect(parseTraceparent(traceparent('01'))).toEqual({ ...parent, traceFlags: 1 });
  // Of a later version: what is known of it is taken.
  expect(parseTraceparent(`01-${parent.traceId}-${parent.spanId}-03-more`)).toEqual({ ...parent, traceFlags: 1 });
  for (const header of [
    undefined,
    ['a', 'b'],
    '',
    'x'.repeat(10_000),
    `ff-${parent.traceId}-${parent.spanId}-01`,
    `00-${parent.traceId}-${parent.spanId}-01-more`,
    `00-${'0'.repeat(32)}-${parent.spanId}-01`,
    `00-${parent.traceId}-${'0'.repeat(16)}-01`,
    `00-${parent.traceId.toUpperCase()}-${parent.spanId}-01`,
    `00-${parent.traceId}-${parent.spanId}`,
  ])
    expect(parseTraceparent(header)).toBeUndefined();
});
