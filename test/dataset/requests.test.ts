import { describe, expect, test } from '@jest/globals';
import { collect, openRows, rankerOf, requestsOfRows } from './builder.js';

const items = (requests: { candidates: readonly { item_id?: unknown }[] }[]): unknown[][] =>
  requests.map(({ candidates }) => candidates.map(({ item_id: id }) => id));

/** Rows (time, request, position, item, clicked) of a log. */
const rows = (...values: string[]): string =>
  `SELECT * FROM (VALUES ${values.map((value) => `(${value})`).join(', ')}) AS t(time, request_id, position, item_id, clicked)`;

describe('rows become requests', () => {
  test('rows of one request id are one request, by position, at the time of its first row', async () => {
    const requests = await requestsOfRows(rows("3000, 'a', 2, 'y', 0", "1000, 'a', 1, 'x', 1", "2000, 'b', 1, 'z', 0"));
    expect(items(requests)).toEqual([['x', 'y'], ['z']]);
    expect(requests.map(({ time, requestId }) => [time, requestId])).toEqual([
      [1000, 'a'],
      [2000, 'b'],
    ]);
    expect(requests.map(({ positions }) => [...positions])).toEqual([[1, 2], [1]]);
    expect(requests.map(({ labels }) => [...(labels[0] ?? [])])).toEqual([[1, 0], [0]]);
  });

  test('without a request id every row is its own request', async () => {
    const requests = await requestsOfRows("SELECT 5 AS time, unnest(['q', 'p']) AS item_id, 1 AS clicked");
    expect(items(requests)).toEqual([['p'], ['q']]);
    expect(requests.map(({ requestId }) => requestId)).toEqual([undefined, undefined]);
    expect(requests.map(({ positions }) => [...positions])).toEqual([[0], [0]]);
  });

  test('rows whose request id is NULL stay alone', async () => {
    const requests = await requestsOfRows(rows("2, NULL, 1, 'x', 0", "1, NULL, 1, 'y', 0", "3, 'a', 1, 'z', 0"));
    expect(items(requests)).toEqual([['y'], ['x'], ['z']]);
  });

  test('the order depends on the rows, not on how they came or on threads', async () => {
    const log = (order: string): string =>
      `SELECT i // 3 % 700 AS time, 'r' || (i % 900) AS request_id, hash(i) % 50 AS item_id, i % 2 AS clicked, i AS other
       FROM range(5000) t(i) ORDER BY ${order}`;
    const read = async (order: string, threads: number): Promise<string> =>
      JSON.stringify(await requestsOfRows(log(order), { threads }));
    const first = await read('i', 1);
    expect(await read('hash(i)', 1)).toBe(first);
    expect(await read('i DESC', 4)).toBe(first);
  });

  test('requests of many chunks keep all rows, in time order', async () => {
    const sql = 'SELECT i // 7 * 10 AS time, i // 7 AS request_id, i AS item_id, 0 AS clicked FROM range(20000) t(i)';
    const requests = await requestsOfRows(sql);
    expect(items(requests).flat()).toEqual(Array.from({ length: 20_000 }, (_, i) => i));
    expect(requests.map(({ time }) => time)).toEqual(Array.from({ length: Math.ceil(20_000 / 7) }, (_, i) => i * 10));
  });
});

describe('ranges', () => {
  const sql = rows("1000, 'a', 1, 'x', 1", "2500, 'a', 2, 'y', 0", "2000, 'b', 1, 'z', 0", "3000, 'c', 1, 'w', 0");

  test('are half-open, and a request counts by its first row', async () => {
    const dataset = await openRows(sql);
    expect(items(await collect(dataset, { until: 2000 }))).toEqual([['x', 'y']]);
    expect(items(await collect(dataset, { from: 2000, until: 3000 }))).toEqual([['z']]);
    expect(await dataset.count({ until: 2000 })).toBe(2);
    expect(await dataset.count({ from: -Infinity, until: Infinity })).toBe(4);
    expect(dataset.span).toEqual({ first: 1000, last: 3000 });
    await dataset.close();
  });

  test('can be read again, side by side and in part', async () => {
    const dataset = await openRows(sql);
    const [one, two] = [dataset.requests()[Symbol.asyncIterator](), dataset.requests()[Symbol.asyncIterator]()];
    const first = await one.next();
    expect(await two.next()).toEqual(first);
    await one.return?.();
    expect(items(await collect(dataset))).toEqual([['x', 'y'], ['z'], ['w']]);
    await two.return?.();
    await dataset.close();
  });
});

describe('fields', () => {
  const definition = rankerOf(
    `{user: {kind: id, scope: user, from: user_id, dim: 2}, age: {kind: number, scope: user},
      device: {kind: category, scope: context, dim: 2}, item: {kind: id, scope: candidate, from: item_id, dim: 2},
      born: {kind: time, scope: candidate, unit: age, from: uploaded}, tags: {kind: ids, scope: candidate, dim: 2},
      look: {kind: vector, scope: candidate, width: 2}, device_rate: {kind: rate, scope: candidate, key: [device, author], of: click}}`,
  );

  test('lie with the user, the context or the candidate, as features read them', async () => {
    const [request] = await requestsOfRows(
      `SELECT TIMESTAMP '2024-01-01' AS time, 7 AS user_id, 30 AS age, 'tv' AS device, 'x' AS item_id, 'ann' AS author,
        DATE '2023-12-31' AS uploaded, ['a', 'b'] AS tags, [0.5, 1] AS look, true AS clicked, 'free' AS unused`,
      { definition },
    );
    expect(request?.user).toEqual({ user_id: 7, age: 30 });
    expect(request?.context).toEqual({ device: 'tv' });
    expect(request?.candidates).toEqual([
      {
        item_id: 'x',
        author: 'ann',
        uploaded: Date.UTC(2023, 11, 31),
        tags: ['a', 'b'],
        look: Float32Array.of(0.5, 1),
      },
    ]);
    expect(request?.labels).toEqual([Float32Array.of(1)]);
  });

  test('that are NULL are null, whatever their type', async () => {
    const [request] = await requestsOfRows(
      `SELECT 1000 AS time, NULL::BIGINT AS user_id, NULL::DOUBLE AS age, NULL::VARCHAR AS device, 'x' AS item_id,
        NULL::VARCHAR AS author, NULL::DATE AS uploaded, NULL::BIGINT[] AS tags, NULL::FLOAT[] AS look, 1 AS clicked
      UNION ALL SELECT 2000, 1, 30, 'tv', 'y', 'ann', DATE '2023-12-31', [1], [0.5, 1], 0`,
      { definition },
    );
    expect(request?.user).toEqual({ user_id: null, age: null });
    expect(request?.candidates).toEqual([{ item_id: 'x', author: null, uploaded: null, tags: null, look: null }]);
  });

  test('keep 64-bit ids: numbers where numbers hold them, text beyond', async () => {
    const ids = async (values: string): Promise<unknown[][]> =>
      items(await requestsOfRows(`SELECT 1 AS time, unnest([${values}]) AS item_id, 1 AS clicked`));
    expect(await ids('9007199254740991, 12')).toEqual([[12], [9007199254740991]]);
    expect(await ids('9007199254740993, 12')).toEqual([['12'], ['9007199254740993']]);
    expect(await ids('170141183460469231731687303715884105727')).toEqual([['170141183460469231731687303715884105727']]);
  });

  test('that are lists lose their NULL elements', async () => {
    const tags = async (list: string): Promise<unknown> =>
      (
        await requestsOfRows(`SELECT 1 AS time, 'x' AS item_id, ${list} AS tags, 1 AS clicked`, {
          definition: rankerOf('{tags: {kind: ids, scope: candidate, dim: 2}}'),
        })
      )[0]?.candidates[0]?.['tags'];
    expect(await tags('[3, NULL, 5]')).toEqual([3, 5]);
    expect(await tags("['a', NULL]")).toEqual(['a']);
    expect(await tags('[]::INTEGER[]')).toEqual([]);
    expect(await tags('[9007199254740993]')).toEqual(['9007199254740993']);
    expect(await tags("'a b'")).toBe('a b');
    expect(await tags('4')).toEqual([4]);
  });

  test.each([
    ["TIMESTAMP '2024-05-06 07:08:09.5'", Date.UTC(2024, 4, 6, 7, 8, 9, 500)],
    ["TIMESTAMPTZ '2024-05-06 07:08:09+02'", Date.UTC(2024, 4, 6, 5, 8, 9)],
    ["TIMESTAMP_NS '2024-05-06 07:08:09'", Date.UTC(2024, 4, 6, 7, 8, 9)],
    ["DATE '2024-05-06'", Date.UTC(2024, 4, 6)],
    ['1714979289500', 1714979289500],
    ['1714979289500.0::DOUBLE', 1714979289500],
  ])('time may be %s', async (expression, expected) => {
    const [request] = await requestsOfRows(`SELECT ${expression} AS time, 'x' AS item_id, 0 AS clicked`);
    expect(request?.time).toBe(expected);
  });
});

describe('labels', () => {
  const definition = rankerOf(
    undefined,
    '{click: {kind: binary, label: clicked}, finish: {kind: binary, label: finished, when: click}, watch: {kind: regression, label: seconds, when: finish}}',
  );

  test('are unknown where NULL, and where the task they wait for is not positive', async () => {
    const [request] = await requestsOfRows(
      `SELECT 1 AS time, 1 AS request_id, * FROM (VALUES (1, true, 1, 9.5), (2, true, 0, 9.5), (3, false, 1, 9.5), (4, NULL, 1, 9.5), (5, true, NULL, 2))
        AS t(item_id, clicked, finished, seconds)`,
      { definition },
    );
    const unknown = NaN;
    expect(request?.labels.map((values) => [...values])).toEqual([
      [1, 1, 0, unknown, 1],
      [1, 0, unknown, unknown, unknown],
      [9.5, unknown, unknown, unknown, unknown],
    ]);
  });
});
