import { describe, expect, test } from '@jest/globals';
import type { EventLog, Impression, LoggedEvent } from '../../src/events/index.js';
import { openLogTables, type LogTables, type LogTablesOptions } from '../../training/dataset/index.js';
import { feedback, impression } from '../events/events.js';
import { memoryLog } from '../join/memory-log.js';

const day = Date.UTC(2026, 4, 1);

const tablesOf = async (
  events: readonly LoggedEvent[],
  options: Partial<LogTablesOptions> & { readonly log?: EventLog } = {},
): Promise<LogTables> => {
  const log = memoryLog(3);
  await log.log(events);
  return openLogTables({ log, threads: 1, ...options });
};
/** The rows of one query over these events. */
const asked = async (
  sql: string,
  events: readonly LoggedEvent[],
  options: Partial<LogTablesOptions> = {},
): Promise<readonly Readonly<Record<string, unknown>>[]> => {
  const tables = await tablesOf(events, options);
  try {
    return await tables.query(sql);
  } finally {
    await tables.close();
  }
};
const ids = (rows: readonly Readonly<Record<string, unknown>>[]): unknown[] => rows.map((row) => Object.values(row)[0]);

describe('the log as tables', () => {
  test('has of a list everything but its features', async () => {
    const event = impression({ time: day, items: ['v1', 7], form: 'sum' });
    const lists = await asked(
      `SELECT request_id, user_id, "time", ranker, version, fingerprint, arms['layout'] AS arm, arms['other'] AS other,
              weights['watch'] AS weight, tasks, candidates, user_fields->>'age' AS age, context->>'device' AS device
       FROM lists`,
      [event],
    );
    expect(lists).toEqual([
      {
        request_id: 'request-1',
        user_id: 'user-1',
        time: day,
        ranker: 'demo',
        version: '20260430T235959Z-ab12cd+17',
        fingerprint: '0123456789abcdef',
        arm: 'wide',
        other: null,
        weight: 0.6,
        tasks: ['click', 'watch'],
        candidates: 200,
        age: '31',
        device: 'tv',
      },
    ]);
    const shown = await asked(
      `SELECT item_id, position, row_index, score, propensity, heads, fields->>'tags' AS tags, user_id, "time",
              arms['layout'] AS arm
       FROM shown ORDER BY position`,
      [event],
    );
    const same = { propensity: 1, tags: '["a",2]', user_id: 'user-1', time: day, arm: 'wide' };
    expect(shown).toEqual([
      { ...same, item_id: 'v1', position: 1, row_index: 0, score: 0.5, heads: [0, 0.125] },
      { ...same, item_id: '7', position: 2, row_index: 3, score: 0.4, heads: [0.25, 0.375] },
    ]);
  });

  test('has how an order was varied, and what else was scored', async () => {
    const varied = impression({
      items: ['v1', 7],
      form: 'sum',
      exploration: { share: 0.1, temperature: 0.5, swaps: 0.02, drawn: 'swap', swap: { position: 2, swapped: true } },
      unshown: { ids: ['x', 9], rows: Int32Array.of(4, 1), heads: Float32Array.of(1, 2, 3, 4) },
    });
    const plain = impression({ requestId: 'plain', time: day + 1 });
    const lists = await asked('SELECT form, exploration FROM lists ORDER BY "time"', [varied, plain]);
    expect(lists).toEqual([
      {
        form: 'sum',
        exploration: { share: 0.1, temperature: 0.5, swaps: 0.02, drawn: 'swap', swap_position: 2, swapped: true },
      },
      { form: null, exploration: null },
    ]);
    const unshown = await asked('SELECT request_id, item_id, row_index, heads FROM unshown ORDER BY row_index DESC', [
      varied,
      plain,
    ]);
    expect(unshown).toEqual([
      { request_id: 'request-1', item_id: 'x', row_index: 4, heads: [1, 2] },
      { request_id: 'request-1', item_id: '9', row_index: 1, heads: [3, 4] },
    ]);
  });

  test('says NULL of what could not be scored, so that means leave it out', async () => {
    const failed: Impression = {
      ...impression({ items: ['a'] }),
      items: [{ id: 'a', position: 1, score: Number.NaN, propensity: 1 }],
      heads: Float32Array.of(Number.NaN, 2),
    };
    const [row] = await asked('SELECT row_index, score, heads FROM shown', [failed]);
    expect(row).toEqual({ row_index: null, score: null, heads: [null, 2] });
  });

  test('counts what came twice once, and says how often it did', async () => {
    const click = feedback({ eventId: 'e1', what: 'click', value: undefined });
    const tables = await tablesOf([
      impression(),
      impression({ items: ['other'] }),
      click,
      { ...click, time: click.time + 1 },
      { ...click, eventId: 'e2', what: 'watch', value: 8 },
    ]);
    expect(tables.counts).toEqual({
      lists: 1,
      shown: 2,
      unshown: 0,
      feedback: 2,
      exposures: 0,
      duplicateLists: 1,
      duplicateFeedback: 1,
      damaged: 0,
    });
    expect(ids(await tables.query('SELECT item_id FROM shown ORDER BY position'))).toEqual(['v1', '7']);
    const said = await tables.query('SELECT event_id, what, "value", "time" FROM feedback ORDER BY event_id');
    expect(said).toEqual([
      { event_id: 'e1', what: 'click', value: null, time: click.time },
      { event_id: 'e2', what: 'watch', value: 8, time: click.time },
    ]);
    await tables.close();
  });

  test('gives feedback that names no user the user of its list', async () => {
    const [row] = await asked('SELECT user_id FROM feedback', [
      impression({ userId: 7 }),
      feedback({ userId: undefined }),
    ]);
    expect(row).toEqual({ user_id: '7' });
  });

  test('keeps the lists of one ranker and time, the feedback on them, and every exposure', async () => {
    const events: LoggedEvent[] = [
      { kind: 'exposure', time: day - 1, userId: 'user-1', experiment: 'layout', arm: 'wide', phase: '1' },
      ...['before', 'first', 'last', 'after'].flatMap((requestId, hour): LoggedEvent[] => [
        impression({ requestId, time: day + hour }),
        impression({ requestId: `other ${requestId}`, ranker: 'other', time: day + hour }),
        feedback({ requestId, eventId: requestId, time: day + 10 }),
        feedback({ requestId: `other ${requestId}`, eventId: requestId, time: day + 10 }),
      ]),
      feedback({ requestId: 'never logged', eventId: 'x' }),
    ];
    const wanted = { ranker: 'demo', from: day + 1, to: day + 3 };
    expect(ids(await asked('SELECT request_id FROM lists ORDER BY "time"', events, wanted))).toEqual(['first', 'last']);
    expect(ids(await asked('SELECT request_id FROM feedback ORDER BY request_id', events, wanted))).toEqual([
      'first',
      'last',
    ]);
    expect(await asked('SELECT * FROM exposures', events, wanted)).toEqual([
      { user_id: 'user-1', experiment: 'layout', arm: 'wide', phase: '1', time: day - 1 },
    ]);
    expect(ids(await asked('SELECT count(*)::INT FROM feedback', events))).toEqual([9]);
  });

  test('leaves out what is damaged, wholly, and counts it', async () => {
    const log = memoryLog(1);
    const broken = impression({ requestId: 'broken' });
    await log.log([impression(), broken]);
    const { value } = log.records('events')[0]![1]!;
    const cut = value.slice(0, value.length - 300);
    await log.append('events', [
      { partition: 0, time: day, value: Uint8Array.of(1, 2, 3) },
      { partition: 0, time: day, value: cut },
    ]);
    const tables = await openLogTables({ log, threads: 1 });
    expect(tables.counts).toMatchObject({ lists: 2, shown: 4, damaged: 2 });
    await tables.close();
  });

  test('is empty for an empty log, and knows no span', async () => {
    const tables = await tablesOf([]);
    expect(tables.span).toBeUndefined();
    expect(tables.counts).toMatchObject({ lists: 0, feedback: 0, duplicateFeedback: 0 });
    expect(await tables.query('SELECT * FROM shown')).toEqual([]);
    await tables.close();
  });

  test('holds more rows than a chunk, in order, and streams them', async () => {
    const seen: string[] = [];
    const events = Array.from({ length: 1500 }, (_, i) => impression({ requestId: `r${i}`, time: day + i }));
    const progress: number[] = [];
    const tables = await tablesOf(events, { onProgress: (done) => progress.push(done), memoryLimit: '200MB' });
    for await (const row of tables.rows('SELECT request_id, position FROM shown ORDER BY "time", position'))
      seen.push(`${String(row['request_id'])}/${String(row['position'])}`);
    expect(seen).toEqual(events.flatMap(({ requestId }) => [`${requestId}/1`, `${requestId}/2`]));
    expect(progress.at(-1)).toBe(1500);
    expect(tables.span).toEqual({ first: day, last: day + 1499 });
    await tables.close();
  });

  test('refuses a query that cannot be run with what DuckDB says of it', async () => {
    const tables = await tablesOf([]);
    const refused = { code: 'data_invalid', problems: [{ message: expect.stringContaining('nothing') }] };
    await expect(tables.query('SELECT nothing FROM lists')).rejects.toMatchObject(refused);
    await expect(tables.rows('SELECT nothing FROM lists').next()).rejects.toMatchObject(refused);
    await tables.run('CREATE TABLE mine AS SELECT 1 AS one');
    expect(await tables.query('SELECT one FROM mine')).toEqual([{ one: 1 }]);
    await tables.close();
  });
});
