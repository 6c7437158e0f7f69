import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { catalogue } from '../../src/errors.js';
import { createMemoryStore } from '../../src/features/index.js';
import { ErrorReply } from '../../src/http/schemas.js';
import { createEntities } from '../../src/ranking/index.js';
import { createFeedback, createRecorder, type FeedbackOutcome, type Recorder } from '../../src/recording/index.js';
import { createMetrics, silentLogger } from '../../src/telemetry/index.js';
import { startApp, type Answer, type TestService } from '../http/client.js';
import { modelOf, ranking, shelf } from '../ranking/shelf.js';
import { createMemoryLog, type MemoryLog } from '../recording/memory-log.js';
import { changes, mutate } from './mutate.js';
import { cpuTimeMs } from '../cpu-time.js';

/** Printed by fast-check with the smallest case, where one fails. */
const seed = 9;
const now = Date.UTC(2026, 4, 1, 12);
const metrics = createMetrics();
const store = createMemoryStore();

let log: MemoryLog;
let recorder: Recorder;
let service: TestService;
beforeAll(async () => {
  log = createMemoryLog(1);
  recorder = createRecorder({ log, metrics, logger: silentLogger, now: () => now, markerMs: 1e6, timeoutMs: 5000 });
  const definitions = (): [ReturnType<typeof shelf>] => [shelf()];
  const feedback = createFeedback({ recorder, definitions, metrics, now: () => now, remembered: 100_000 });
  const entities = createEntities({ store, metrics, now: () => now });
  service = await startApp({ bench: ranking(modelOf(), { entities }), feedback });
});
afterAll(async () => {
  await service.close();
  await recorder.close();
});

const isError = new Ajv2020({ strict: false }).compile(ErrorReply);

/** Never a 5xx, always JSON with the request's id, refusals in their documented form. */
const checked = (answer: Answer): Answer => {
  const { status, headers, json } = answer;
  expect(headers['content-type']).toBe('application/json; charset=utf-8');
  expect(headers['x-request-id']).toMatch(/^[\w.-]{1,128}$/);
  if (status === 200) return answer;
  expect([400, 404, 413, 415]).toContain(status);
  expect(isError(json) ? [] : isError.errors).toEqual([]);
  expect(json.requestId).toBe(headers['x-request-id']);
  expect(catalogue).toHaveProperty(json.error.code, expect.objectContaining({ status }));
  expect(json.error.problems.length).toBeGreaterThan(0);
  expect(answer.text.length).toBeLessThan(30_000);
  return answer;
};

const good = {
  user: { id: 'u1', taste: 0.2 },
  context: { device: 'phone' },
  candidates: [{ id: 'v1', quality: 3 }, { id: 7, quality: 1 }, { id: 'v2' }],
  limit: 2,
  weights: { click: 1, watch: 0.5 },
  explain: true,
  log: false,
};

test('a ranking request with anything changed is answered or refused, and a good one is ranked right after', async () => {
  const outcomes = { ranked: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(changes, async (list) => {
      const { status } = checked(await service.call('POST', '/v1/rank', mutate(good, list)));
      outcomes[status === 200 ? 'ranked' : 'refused']++;
      const after = checked(await service.call('POST', '/v1/rank', good));
      expect([after.status, after.json.items.map(({ id }) => id)]).toEqual([200, ['v1', 7]]);
    }),
    { seed, numRuns: 300 },
  );
  expect(Math.min(outcomes.ranked, outcomes.refused)).toBeGreaterThan(20);
  expect(Object.keys(Object.prototype)).toEqual([]);
});

describe('a batch of feedback with anything changed', () => {
  let batch = 0;
  let taken = 0;
  const events = (): object[] =>
    ['click', 'watch', 'like'].map((kind, index) => ({
      id: `e${batch}-${index}`,
      requestId: 'r1',
      item: index,
      kind,
      ...(kind === 'watch' && { seconds: 3 }),
      user: 'u1',
      time: now - 1000,
    }));
  const logged = (): number => log.appends.reduce((sum, records) => sum + records, 0);

  /** What was sent of what was counted; the log holds what was accepted. */
  const post = async (body: string, type: string, sent: (text: string) => number | undefined): Promise<void> => {
    const before = logged();
    const answer = checked(await service.call('POST', '/v1/feedback', body, { 'content-type': type }));
    if (answer.status !== 200) {
      expect(logged()).toBe(before);
      return;
    }
    const { accepted, duplicates, refused } = answer.json as unknown as FeedbackOutcome;
    expect(accepted + duplicates + refused.length).toBe(sent(body));
    for (const { problems } of refused) expect(problems[0]?.message).toMatch(/./);
    expect(new Set(refused.map(({ index }) => index)).size).toBe(refused.length);
    expect(logged() - before).toBe(accepted);
    taken += accepted;
  };

  test('as JSON: accepted, duplicate or refused with a reason, and the log holds what was accepted', async () => {
    await fc.assert(
      fc.asyncProperty(changes, async (list) => {
        batch++;
        await post(mutate(events(), list), 'application/json', (text) => {
          const value = JSON.parse(text) as unknown;
          return Array.isArray(value) ? value.length : 1;
        });
      }),
      { seed, numRuns: 300 },
    );
  });

  test('as lines, of which some are no JSON', async () => {
    await fc.assert(
      fc.asyncProperty(changes, fc.constantFrom('\n', '\r\n', '\n\n', ' \n'), async (list, end) => {
        batch++;
        const [first, ...rest] = events();
        const lines = [mutate(first, list), ...rest.map((event) => JSON.stringify(event))].join(end);
        const count = (text: string): number => text.split('\n').filter((line) => line.trim() !== '').length;
        await post(lines, 'application/x-ndjson', count);
      }),
      { seed, numRuns: 200 },
    );
    expect(logged()).toBeGreaterThan(500);
    expect(log.events().filter(({ kind }) => kind !== 'marker')).toHaveLength(taken);
  });
});

test('entities with anything changed are all stored or none', async () => {
  let run = 0;
  const outcomes = { stored: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(changes, fc.constantFrom('items', 'users'), async (list, kind) => {
      run++;
      const body = [1, 2, 3].map((index) => ({ id: `${run}-${index}`, quality: index, tags: ['a', 2] }));
      const text = mutate(body, list);
      const { status } = checked(await service.call('PUT', `/v1/${kind}`, text));
      const sent = status === 200 ? ([JSON.parse(text)].flat() as { id: string | number }[]) : body;
      const { known } = await service.entities.read(
        kind === 'items' ? 'item' : 'user',
        sent.map(({ id }) => id),
      );
      const found = known.filter((each) => each !== undefined).length;
      expect(found).toBe(status === 200 ? sent.length : 0);
      outcomes[status === 200 ? 'stored' : 'refused']++;
    }),
    { seed, numRuns: 200 },
  );
  expect(Math.min(outcomes.stored, outcomes.refused)).toBeGreaterThan(20);
});

describe('what people stumble over', () => {
  const rank = async (body: string | Uint8Array, headers?: Record<string, string>): Promise<Answer> =>
    checked(await service.call('POST', '/v1/rank', body, headers));

  test.each([
    ['an empty body', '', 'is empty'],
    ['null', 'null', 'must be an object'],
    ['a number', '7', 'must be an object'],
    ['two values', '{} {}', 'after JSON'],
    ['a body of spaces', '   ', 'Unexpected end'],
    ['an id that is no safe integer', '{"candidates":[{"id":9007199254740993}]}', 'must be'],
    ['an id of nothing', '{"candidates":[{"id":""}]}', 'must be'],
    ['an infinite time', '{"candidates":[{"id":1}],"time":1e999}', ''],
  ])('%s is refused in words', async (_, body, message) => {
    const { status, json } = await rank(body);
    expect(status).toBe(400);
    expect(json.error.problems[0]?.message).toContain(message);
  });

  test('bytes that are not UTF-8 are refused, not replaced', async () => {
    const body = Buffer.from('{"candidates":[{"id":"v\u00ff"}]}', 'latin1');
    const { status, json } = await rank(body);
    expect([status, json.error.problems[0]?.message]).toEqual([400, 'is not UTF-8']);
  });

  test('a byte order mark before the body is passed over', async () => {
    expect((await rank('\ufeff{"candidates":[{"id":1}],"log":false}')).status).toBe(200);
  });

  test.each(['__proto__', 'constructor', 'toString', '\u0000', '\n', ' ', '\ud800', '7', 'é', '𝒳'.repeat(128)])(
    'the id %j is an id like any other',
    async (id) => {
      const body = JSON.stringify({ candidates: [{ id, quality: 2 }, { id: 'other' }], user: { id } });
      const { status, json } = await rank(body);
      expect([status, json.items.map((item) => item.id)]).toEqual([200, [id, 'other']]);
      expect((await service.call('PUT', '/v1/items', JSON.stringify({ id, quality: 1 }))).status).toBe(200);
    },
  );

  test('-0 is 0', async () => {
    expect((await rank('{"candidates":[{"id":-0},{"id":0}]}')).status).toBe(400);
    expect((await rank('{"candidates":[{"id":-0}]}')).json.items[0]?.id).toBe(0);
  });

  test('a name that comes twice counts as it came last', async () => {
    const { json } = await rank('{"candidates":[{"id":"a"}],"candidates":[{"id":"b"}]}');
    expect(json.items.map(({ id }) => id)).toEqual(['b']);
  });

  test.each([
    ['POST', '/v1/models/%E0%A4%A/rollback', 400],
    ['POST', '/v1/models/%00/rollback', 404],
    ['POST', '/v1/models/../rollback', 404],
    ['POST', '/v1/models/..%2F../rollback', 404],
    ['POST', '/v1/models/%2e%2e/rollback', 404],
    ['POST', '/v1/models//rollback', 404],
    ['POST', `/v1/models/${'x'.repeat(1500)}/rollback`, 404],
    ['POST', '/V1/RANK?x=1&x[__proto__]=2', 400],
    ['GET', '/v1/models/', 200],
    ['GET', '/healthz?%E0%A4%A', 200],
    ['GET', '/__proto__', 404],
    ['GET', '/%', 404],
    ['OPTIONS', '/v1/rank', 405],
    ['TRACE', '/v1/rank', 405],
    ['DELETE', '/v1/items', 405],
    ['PATCH', '/', 405],
  ])('%s %s is answered with %d', async (method, path, status) => {
    const answer = await service.call(method, path);
    expect([answer.status, answer.headers['content-type']]).toEqual([status, 'application/json; charset=utf-8']);
    expect(answer.headers['x-request-id']).toBeDefined();
  });

  test.each(['/', '/healthz', '/metrics', '/docs', '/v1/models'])('HEAD %s has no body', async (path) => {
    const [head, get] = [await service.call('HEAD', path), await service.call('GET', path)];
    expect([head.status, head.text]).toEqual([200, '']);
    expect(head.headers['content-type']).toBe(get.headers['content-type']);
  });
});

describe('feedback in lines, from somebody who means harm', () => {
  const lines = { 'content-type': 'application/x-ndjson' };
  const post = async (body: string | Uint8Array): Promise<Answer> =>
    checked(await service.call('POST', '/v1/feedback', body, lines));

  test('a million lines are refused as too many', async () => {
    expect((await post('{}\n'.repeat(1_000_000))).status).toBe(413);
    expect((await post('1\n'.repeat(6000))).status).toBe(413);
  });

  test('a million empty lines are no event', async () => {
    expect((await post('\n'.repeat(1_000_000))).status).toBe(400);
  });

  test('a line of megabytes, and one of brackets, are refused in no time', async () => {
    const before = cpuTimeMs();
    expect((await post(`{"id":"${'x'.repeat(3_500_000)}"}`)).status).toBe(200);
    expect((await post('['.repeat(3_500_000))).status).toBe(400);
    expect((await post(`{"a":`.repeat(500_000))).status).toBe(400);
    expect(cpuTimeMs() - before).toBeLessThan(3000);
  });

  test('5,000 broken lines are each refused, with an answer that is small', async () => {
    const answer = await service.call('POST', '/v1/feedback', `{"id":"${'y'.repeat(700)}"}\n`.repeat(5000), lines);
    expect(answer.status).toBe(200);
    expect((answer.json as unknown as FeedbackOutcome).refused).toHaveLength(5000);
    expect(answer.text.length).toBeLessThan(8_000_000);
  });
});
