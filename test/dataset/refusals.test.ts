import { describe, expect, test } from '@jest/globals';
import { errorOf, folderOf, openRows, problemsOf, rankerOf } from './builder.js';

const refused = async (sql: string, definition = rankerOf()): Promise<{ code: string; problems: string[] }> => {
  const error = await errorOf(openRows(sql, { definition }));
  return { code: error.code, problems: problemsOf(error) };
};

describe('columns', () => {
  const definition = rankerOf(
    `{user: {kind: id, scope: user, from: user_id, dim: 2}, age: {kind: number, scope: user}, category: {kind: category, scope: candidate, dim: 2},
      watched: {kind: history, scope: user, of: item_id, dim: 2}, tab_rate: {kind: rate, scope: candidate, key: [item_id, tab], of: click}}`,
    '{click: {kind: binary, label: clicked}}',
    'bias: {features: [position]}',
  );

  test('that are missing are named all at once, with who needs them and the nearest name', async () => {
    const { code, problems } = await refused("SELECT 'x' AS item_id, 3 AS categroy", definition);
    expect(code).toBe('data_missing');
    expect(problems).toEqual([
      expect.stringMatching(/time: .*order of the log/),
      expect.stringMatching(/user_id: .*feature user, feature watched/),
      expect.stringMatching(/age: .*feature age/),
      expect.stringMatching(/category: .*did you mean categroy\?/),
      expect.stringMatching(/tab: .*feature tab_rate/),
      expect.stringMatching(/clicked: .*label of task click/),
      expect.stringMatching(/position: .*needed by bias;/),
    ]);
  });

  test('that lack the time are told of the only column that holds times, and of all columns there are', async () => {
    const { problems } = await refused("SELECT now() AS served_at, 'r1' AS reader, 1 AS clicked");
    expect(problems).toEqual([
      expect.stringMatching(/time: .*Write served_at AS time/),
      expect.stringMatching(/item_id: .*write <column> AS item_id; the query gives served_at, reader, clicked/),
    ]);
  });

  test('of the wrong type are named all at once, with what to write', async () => {
    const { code, problems } = await refused(
      `SELECT '2024-01-01' AS time, 1 AS user_id, 'old' AS age, ['a'] AS category, 1 AS item_id, 1 AS tab, 'yes' AS clicked, 'top' AS position`,
      definition,
    );
    expect(code).toBe('data_invalid');
    expect(problems).toEqual([
      expect.stringMatching(/age: is VARCHAR; the feature age needs a number; .*TRY_CAST\(age AS DOUBLE\)/),
      expect.stringMatching(/category: is VARCHAR\[\]; .*kind: ids/),
      expect.stringMatching(/clicked: is VARCHAR; the label of click.*\(clicked = 'yes'\) AS clicked/),
      expect.stringMatching(/time: is VARCHAR; .*TRY_CAST\(time AS TIMESTAMP\).*strptime\(time, /),
      expect.stringMatching(/position: is VARCHAR/),
    ]);
  });
});

describe('values', () => {
  const one = "SELECT 1000 AS time, 'x' AS item_id, 1 AS clicked";
  const withWatch = rankerOf(
    undefined,
    '{click: {kind: binary, label: clicked}, watch: {kind: regression, label: seconds, transform: log1p}}',
  );

  test.each([
    ['a query without rows', `${one} WHERE false`, /no rows; check its WHERE/],
    [
      'a query without rows, whatever its types',
      "SELECT 'x' AS time, 'y' AS clicked WHERE false",
      /no rows; check its WHERE/,
    ],
    [
      'a time that is never there',
      "SELECT NULL::TIMESTAMP AS time, 'x' AS item_id, 1 AS clicked",
      /time: is NULL in every row/,
    ],
    [
      'seconds for milliseconds',
      "SELECT 1714979289 AS time, 'x' AS item_id, 1 AS clicked",
      /time: .*1970-01-20.*seconds; write time \* 1000/,
    ],
    ['microseconds', "SELECT 1714979289000000 AS time, 'x' AS item_id, 1 AS clicked", /time: .*micro/],
    [
      'a binary label that is neither 0 nor 1',
      "SELECT 1000 AS time, 'x' AS item_id, unnest([1, 4, 5]) AS clicked",
      /clicked: 2 rows with neither 0 nor 1, e\.g\. [45]; the task click is binary/,
    ],
    [
      'a label that is never known',
      "SELECT 1000 AS time, 'x' AS item_id, NULL::INTEGER AS clicked",
      /clicked: is NULL in every row/,
    ],
    ['a position of 0', `${one}, 0 AS position`, /position: 1 value below 1/],
    [
      'one request id for several users',
      "SELECT 1000 AS time, 1 AS request_id, unnest([1, 2]) AS user_id, 'x' AS item_id, 1 AS clicked",
      /request_id: 1 request with rows of several users, e\.g\. 1; make it unique/,
    ],
    [
      'one request id for everything',
      'SELECT 1000 AS time, 1 AS request_id, i AS item_id, 1 AS clicked FROM range(10001) t(i)',
      /request_id: 1 has 10001 rows; a request has at most 10000/,
    ],
  ])('%s is refused', async (_, sql, message) => {
    const { code, problems } = await refused(sql);
    expect(code).toBe('data_invalid');
    expect(problems).toEqual([expect.stringMatching(message)]);
  });

  test.each([
    ['seconds', 1_714_979_289, /published: .*1970-01-20.*seconds; .*to_timestamp\(published\) AS published/],
    ['microseconds', 1_714_979_289_000_000, /published: .*micro.*make_timestamp\(published\)/],
  ])('of an age that are in %s are refused, as those of the rows are', async (_, published, message) => {
    const definition = rankerOf('{age: {kind: time, unit: age, scope: candidate, from: published}}');
    const sql = `SELECT TIMESTAMP '2024-05-06' AS time, 'x' AS item_id, unnest([${published}, NULL]) AS published, 1 AS clicked`;
    const { code, problems } = await refused(sql, definition);
    expect(code).toBe('data_invalid');
    expect(problems).toEqual([expect.stringMatching(message)]);
    const dataset = await openRows(sql.replace(`${published}`, '1714979289000'), { definition });
    await dataset.close();
  });

  test('below 0 are refused for a label that is log1p', async () => {
    const { problems } = await refused(`${one}, -2.5 AS seconds`, withWatch);
    expect(problems).toEqual([
      expect.stringMatching(
        /seconds: 1 row with negative or infinite values, e\.g\. -2\.5; .*watch has transform: log1p/,
      ),
    ]);
  });

  test('of vectors must have the declared width', async () => {
    const definition = rankerOf('{look: {kind: vector, scope: candidate, width: 3}}');
    const { problems } = await refused(
      'SELECT 1 AS time, unnest([[1, 2], [1, 2, 3], [1, NULL, 3]]) AS look, 1 AS clicked',
      definition,
    );
    expect(problems).toEqual([expect.stringMatching(/look: 2 rows with a list that is not 3 numbers/)]);
  });

  test('that merely look odd are counted', async () => {
    const dataset = await openRows(
      `SELECT * FROM (VALUES (1000, 'a', 'tv', 'x', 1), (1000, 'a', 'tv', 'x', 1), (1000, 'a', 'tv', 'x', 1), (2000, 'a', 'phone', 'y', 0), (NULL, 'b', 'tv', 'x', 1))
        AS t(time, request_id, device, item_id, clicked)`,
      { definition: rankerOf('{device: {kind: category, scope: context, dim: 2}}') },
    );
    expect(Object.fromEntries(dataset.warnings.counts)).toEqual({
      duplicate_rows: 2,
      rows_without_time: 1,
      conflicting_request_fields: 1,
    });
    expect(await dataset.count()).toBe(2);
    for await (const { context } of dataset.requests()) expect(context).toEqual({ device: 'tv' });
    await dataset.close();
  });
});

test('a column that is NULL in every row is named with the rows, if a feature reads it', async () => {
  const dataset = await openRows(
    "SELECT 1000 AS time, NULL::VARCHAR AS user_id, TRY_CAST('x' AS INTEGER) AS words, unnest(['a', 'b']) AS item_id, unnest([0, 1]) AS clicked",
    { definition: rankerOf('{words: {kind: number, scope: candidate}}') },
  );
  expect(Object.fromEntries(dataset.warnings.counts)).toEqual({ 'null_in_every_row words': 2 });
  await dataset.close();
});

test('a row without time is dropped from a list whose other rows have one', async () => {
  const dataset = await openRows(
    "SELECT * FROM (VALUES (1000, 'a', 'x', 1), (NULL, 'a', 'y', 0), (2000, 'a', 'z', 0)) AS t(time, request_id, item_id, clicked)",
  );
  expect(Object.fromEntries(dataset.warnings.counts)).toEqual({ rows_without_time: 1 });
  expect(await dataset.count()).toBe(2);
  await dataset.close();
});

test.each([
  ['has a header alone', 'time,item_id,clicked\n'],
  ['has no byte', ''],
])('a file that %s gives no rows, rather than wrong types', async (_, content) => {
  await using folder = await folderOf({ 'log.csv': content });
  const sql = "SELECT * FROM 'log.csv'";
  const error = await errorOf(openRows(sql, { directory: folder.directory }));
  expect(error.message).toBe('dataset.sql gives no rows');
});

describe('the query', () => {
  test.each([
    ['a syntax error', 'SELECT 1 AS time,\n2 AS b\nFORM x', /dataset\.sql:3: Parser Error/],
    [
      'an unknown column',
      'SELECT 1 AS time,\n  itm_id FROM (SELECT 1 AS item_id)',
      /dataset\.sql:2: Binder Error.*itm_id.*item_id/s,
    ],
    [
      'an error on the way',
      "SELECT CAST('x' || i AS INTEGER) AS time, i AS item_id, 1 AS clicked FROM range(3) t(i)",
      /dataset\.sql.*: Conversion Error/,
    ],
    ['two statements', 'SELECT 1 AS time; SELECT 2 AS time', /has 2 statements/],
    ['nothing', '-- only a comment', /has no statement;/],
    ['a statement that writes', "COPY (SELECT 1) TO '/tmp/x.csv'", /is a COPY statement/],
    ['a statement that loads', 'INSTALL httpfs', /is a \w+ statement/],
    ['parameters', 'SELECT ? AS time', /has parameters/],
    ['the network', "SELECT * FROM 'https://example.com/log.csv'", /httpfs/],
  ])('with %s is refused', async (_, sql, message) => {
    const { code, problems } = await refused(sql);
    expect(code).toBe('data_invalid');
    expect(problems).toEqual([expect.stringMatching(message)]);
  });
});
