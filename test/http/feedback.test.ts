import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { WatchnextError } from '../../src/errors.js';
import type { Feedback } from '../../src/events/index.js';
import { createFeedback, createRecorder, type FeedbackOutcome, type Recorder } from '../../src/recording/index.js';
import { createMetrics, silentLogger } from '../../src/telemetry/index.js';
import { shelf } from '../ranking/shelf.js';
import { createMemoryLog, type MemoryLog } from '../recording/memory-log.js';
import { startApp, type Answer, type TestService } from './client.js';
import { cpuTimeMs } from '../cpu-time.js';

const now = Date.UTC(2026, 4, 1, 12);
const definition = shelf({
  'training: {': 'labels: {click: {on: [click, bookmark]}, watch: {on: [watch, minutes]}}\ntraining: {',
});

let log: MemoryLog;
let recorder: Recorder;
let service: TestService;
const metrics = createMetrics();
beforeAll(async () => {
  log = createMemoryLog(1);
  recorder = createRecorder({ log, metrics, logger: silentLogger, now: () => now, markerMs: 1e6, timeoutMs: 20_000 });
  const feedback = createFeedback({
    recorder,
    definitions: () => [definition],
    metrics,
    now: () => now,
    remembered: 1000,
  });
  service = await startApp({ feedback });
});
afterAll(async () => {
  await service.close();
  await recorder.close();
});

let before = 0;
beforeEach(() => void (before = log.events().length));
const logged = (): Feedback[] =>
  log
    .events()
    .slice(before)
    .filter((event) => event.kind === 'feedback');

interface Outcome extends Answer {
  readonly outcome: FeedbackOutcome;
}
const post = async (body: unknown, headers?: Record<string, string>): Promise<Outcome> => {
  const answer = await service.call('POST', '/v1/feedback', body, headers);
  return { ...answer, outcome: answer.json as unknown as FeedbackOutcome };
};
let ids = 0;
const click = (more: object = {}): { id: string } & Record<string, unknown> => ({
  id: `e${++ids}`,
  requestId: 'r1',
  item: 'v1',
  kind: 'click',
  ...more,
});
const lines = { 'content-type': 'application/x-ndjson' };

describe('feedback', () => {
  test('is in the log, as it was sent, when the answer comes', async () => {
    const time = now - 60_000;
    const { status, outcome } = await post({
      id: 'w1',
      requestId: 'r9',
      item: 7,
      kind: 'watch',
      seconds: 12.5,
      user: 'u1',
      time,
    });
    expect([status, outcome]).toEqual([200, { accepted: 1, duplicates: 0, refused: [] }]);
    const event = {
      kind: 'feedback',
      eventId: 'w1',
      requestId: 'r9',
      itemId: 7,
      userId: 'u1',
      time,
      what: 'watch',
      value: 12.5,
    };
    expect(logged()).toEqual([event]);
  });

  test('happened now unless it says when; an ISO time and a clock that is a little ahead are understood', async () => {
    await post([click(), click({ time: '2026-05-01T11:00:00Z' }), click({ time: now + 30_000 })]);
    expect(logged().map(({ time }) => time)).toEqual([now, now - 3_600_000, now]);
  });

  test('comes one by one, as a list, or one per line', async () => {
    const three = [click(), click(), click()];
    expect((await post(three)).outcome.accepted).toBe(3);
    const text = `${JSON.stringify(click())}\r\n\n${JSON.stringify(click())}\n`;
    expect((await post(text, lines)).outcome).toEqual({ accepted: 2, duplicates: 0, refused: [] });
    const gzip = { ...lines, 'content-encoding': 'gzip' };
    expect((await post(gzipSync(JSON.stringify(click())), gzip)).outcome.accepted).toBe(1);
    expect(logged()).toHaveLength(6);
  });

  test('counts once by its id, in one request and over several', async () => {
    const event = click();
    expect((await post([event, click(), event])).outcome).toEqual({ accepted: 2, duplicates: 1, refused: [] });
    expect((await post(event)).outcome).toEqual({ accepted: 0, duplicates: 1, refused: [] });
    expect(logged()).toHaveLength(2);
    expect((await post([click({ id: 77 }), click({ id: '77' })])).outcome).toMatchObject({
      accepted: 1,
      duplicates: 1,
    });
  });

  test('remembers no more ids than its bound: an old one goes to the log again, where it counts once', async () => {
    const first = click();
    await post(first);
    await post(Array.from({ length: 1000 }, () => click()));
    expect((await post(first)).outcome.accepted).toBe(1);
  });

  test.each([
    ['an unknown kind', { kind: 'clik' }, '/kind', 'did you mean click?'],
    ['a watch without seconds', { kind: 'watch' }, '/seconds', 'seconds were watched'],
    ['a watch with a value', { kind: 'watch', value: 3 }, '/value', 'send "seconds"'],
    ['a click with seconds', { seconds: 3 }, '/seconds', 'leave it out'],
    ['a rating without a value', { kind: 'rating' }, '/value', 'needs a number'],
    ['what a regression is made of without a value', { kind: 'minutes' }, '/value', 'needs a number'],
    ['a time that is none', { time: 'yesterday' }, '/time', 'milliseconds since 1970'],
    ['a time in seconds', { time: now / 1000 }, '/time', 'times are in milliseconds'],
    ['a time in the future', { time: now + 3_600_000 }, '/time', 'when it happened'],
    ['no item', { item: undefined }, '/item', undefined],
    ['no request', { requestId: undefined }, '/requestId', undefined],
    ['an empty id', { id: '' }, '/id', undefined],
    ['an item that is an object', { item: {} }, '/item', undefined],
    ['seconds below 0', { kind: 'watch', seconds: -1 }, '/seconds', undefined],
    ['a name that is not one', { secnds: 1 }, '/secnds', 'seconds'],
    ['a kind called __proto__', { kind: '__proto__' }, '/kind', undefined],
    ['a kind called constructor', { kind: 'constructor' }, '/kind', undefined],
  ])('with %s is refused with the place, and nothing else is', async (_, wrong, path, hint) => {
    const { status, outcome } = await post([click(), click(wrong), click({ kind: 'bookmark' })]);
    expect([status, outcome.accepted, outcome.refused.length]).toEqual([200, 2, 1]);
    const [refused] = outcome.refused;
    expect(refused).toMatchObject({ index: 1, problems: [{ path }] });
    if (hint !== undefined) expect(refused!.problems[0]!.hint).toContain(hint);
    expect(logged()).toHaveLength(2);
  });

  test('names the refused by place and id, whatever they are', async () => {
    const text = [
      '{"id": "half',
      JSON.stringify(click({ id: 'bad', kind: 'nope' })),
      'null',
      '[]',
      JSON.stringify(click()),
    ];
    const { status, outcome } = await post(text.join('\n'), lines);
    expect([status, outcome.accepted]).toEqual([200, 1]);
    expect(outcome.refused.map(({ index, id }) => [index, id])).toEqual([
      [0, undefined],
      [1, 'bad'],
      [2, undefined],
      [3, undefined],
    ]);
    expect(outcome.refused[0]!.problems[0]).toMatchObject({ path: '/', hint: 'each line is one JSON object' });
  });

  test('that is all refused says so with 200: sending it again would not help', async () => {
    expect(await post(click({ kind: 'nope' }))).toMatchObject({
      status: 200,
      outcome: { accepted: 0, refused: [{ index: 0 }] },
    });
  });

  test.each([
    ['broken JSON', '{"id": ', undefined, 400],
    ['an empty list', [], undefined, 400],
    ['lines of nothing', '\n \n', lines, 400],
    ['no bytes of lines', '', lines, 400],
    ['lines that are no JSON', 'a\nb', lines, 400],
    ['too many', Array.from({ length: 5001 }, () => 1), undefined, 413],
    ['too many lines', '1\n'.repeat(5001), lines, 413],
    ['another type', 'id,item', { 'content-type': 'text/csv' }, 415],
  ])('of %s is refused as a whole', async (_, body, headers, status) => {
    const answer = await post(body, headers);
    expect(answer.status).toBe(status);
    expect(answer.json.error.problems.length).toBeGreaterThan(0);
    expect(logged()).toEqual([]);
  });

  test('of lines that come as JSON names the content type for lines', async () => {
    const { status, json } = await post(`${JSON.stringify(click())}\n${JSON.stringify(click())}\n`);
    expect([status, json.error.code]).toEqual([400, 'request_invalid']);
    expect(json.error.problems[0]!.hint).toContain('application/x-ndjson');
    const broken = await post('{"id": ');
    expect(broken.json.error.problems[0]!.hint).toBe('send one JSON object or array');
  });

  test('that cannot be made durable is a 503, and counts when it is sent again', async () => {
    const event = click();
    for (const code of ['log_unavailable', 'log_full'] as const) {
      log.failure = new WatchnextError(code, 'not now');
      const { status, json } = await post([event, click()]);
      expect([status, json.error.code, json.error.retriable]).toEqual([503, code, true]);
    }
    log.failure = undefined;
    expect((await post(event)).outcome).toEqual({ accepted: 1, duplicates: 0, refused: [] });
    const text = await metrics.scrape();
    expect(text).toContain('watchnext_feedback_total{outcome="failed"} 4');
    expect(text).toMatch(/watchnext_feedback_total\{outcome="accepted"\} \d+/);
  });

  test('to a service that logs nothing is refused with the setting', async () => {
    const off = await startApp();
    const { status, json } = await off.call('POST', '/v1/feedback', click());
    await off.close();
    expect([status, json.error.code]).toEqual([503, 'log_unavailable']);
    expect(json.error.problems[0]!.hint).toContain('--log embedded');
  });

  test('of thousands that are all wrong is refused within what a slow request may take', async () => {
    const before = cpuTimeMs();
    const { outcome } = await post(
      Array.from({ length: 5000 }, () => click({ kind: 'x'.repeat(64), time: 'x'.repeat(64) })),
    );
    expect(outcome.refused).toHaveLength(5000);
    expect(cpuTimeMs() - before).toBeLessThan(5000);
  });
});
