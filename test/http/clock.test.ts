import { afterEach, describe, expect, test } from '@jest/globals';
import { createDrivenClock } from '../../src/clock.js';
import { createFeedback, createRecorder } from '../../src/recording/index.js';
import { createMetrics, silentLogger } from '../../src/telemetry/index.js';
import { ranking, shelf } from '../ranking/shelf.js';
import { createMemoryLog } from '../recording/memory-log.js';
import { startApp, type Answer, type TestService } from './client.js';

const at = Date.UTC(2026, 0, 5, 12);
const body = { user: { id: 'u1' }, candidates: [{ id: 'a' }] };

let service: TestService | undefined;
afterEach(async () => {
  await service?.close();
});
const start = async (
  options: Parameters<typeof startApp>[0],
): Promise<(path: string, body: unknown) => Promise<Answer>> => {
  const started = (service = await startApp(options));
  return (path, sent) => started.call('POST', path, sent);
};
const problem = (answer: Answer) => ({ status: answer.status, ...answer.json.error.problems[0]! });

describe('a service that goes by the wall clock', () => {
  test('refuses to be told the time, and says how it could be', async () => {
    const post = await start({});
    for (const [path, sent] of [
      ['/v1/rank', { ...body, time: at }],
      ['/v1/clock', { time: at }],
    ] as const)
      expect(problem(await post(path, sent))).toMatchObject({
        status: 400,
        path: '/time',
        message: expect.stringContaining('wall clock'),
        hint: expect.stringContaining('--clock requests'),
      });
  });
});

describe('a service that is told the time', () => {
  const driven = async () => {
    const clock = createDrivenClock();
    let settled = 0;
    const settle = (): Promise<void> => {
      settled++;
      return Promise.resolve();
    };
    const ranked: (number | undefined)[] = [];
    const bench = ranking();
    const rank: typeof bench.rank = (request) => {
      ranked.push(request.time);
      return bench.rank(request);
    };
    const post = await start({ bench: { ...bench, rank }, clock: { ...clock, settle } });
    return { post, clock, ranked, settled: () => settled };
  };

  test('ranks at the time that is said, and goes by the largest', async () => {
    const { post, clock, ranked } = await driven();
    expect((await post('/v1/rank', { ...body, time: at })).status).toBe(200);
    expect(clock.now()).toBe(at);
    await post('/v1/rank', { ...body, time: '2026-01-05T11:59:00Z' });
    expect(clock.now()).toBe(at);
    // Without a time of its own a request is of now.
    expect((await post('/v1/rank', body)).status).toBe(200);
    expect(ranked).toEqual([at, at - 60_000, undefined]);
  });

  test('says what time it is, once everything before is settled', async () => {
    const { post, settled } = await driven();
    const answer = await post('/v1/clock', { time: '2026-01-05T12:00:00Z' });
    expect([answer.status, JSON.parse(answer.text), settled()]).toEqual([200, { time: at }, 1]);
    expect(JSON.parse((await post('/v1/clock', { time: at - 5 })).text)).toEqual({ time: at });
  });

  test('refuses what is no time, and a first request without one', async () => {
    const { post, clock } = await driven();
    expect(problem(await post('/v1/rank', body))).toMatchObject({ status: 400, path: '/time' });
    for (const time of ['yesterday', -1, 1e15, 0])
      for (const [path, sent] of [
        ['/v1/rank', { ...body, time }],
        ['/v1/clock', { time }],
      ] as const)
        expect(problem(await post(path, sent))).toMatchObject({ status: 400, message: 'is not a time' });
    expect(clock.now()).toBe(0);
  });

  test('a request that is refused says no time', async () => {
    const { post, clock } = await driven();
    expect((await post('/v1/rank', { candidates: [{ id: 'a' }, { id: 'a' }], time: at })).status).toBe(400);
    expect(clock.now()).toBe(0);
  });

  test('goes by the times of feedback too, which are kept as they are; one of another century moves nothing', async () => {
    const log = createMemoryLog(1);
    const clock = createDrivenClock();
    clock.hear(at);
    const metrics = createMetrics();
    const parts = { metrics, now: () => clock.now() };
    const recorder = createRecorder({ ...parts, log, logger: silentLogger, markerMs: Infinity });
    const onTime = (timeMs: number): void => clock.hear(timeMs);
    const feedback = createFeedback({ ...parts, recorder, definitions: () => [shelf()], onTime });
    const post = await start({ feedback });
    const click = (id: string, time: number) => ({ id, requestId: 'r1', item: 'a', kind: 'click', time });
    const hours = 5 * 3_600_000;
    const answer = await post('/v1/feedback', [click('e1', at + hours), click('e2', at + 1), click('e3', 4e13)]);
    expect(JSON.parse(answer.text)).toMatchObject({ accepted: 2, refused: [{ id: 'e3' }] });
    expect(clock.now()).toBe(at + hours);
    expect(log.events().map(({ time }) => time)).toEqual([at + hours, at + 1]);
    await recorder.close();
  });
});
