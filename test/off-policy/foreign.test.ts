import { describe, expect, test } from '@jest/globals';
import { parseDefinition } from '../../src/definition/index.js';
import { SeededRandom } from '../../src/random.js';
import { openQueryTable } from '../../training/dataset/index.js';
import {
  evaluatePolicy,
  foreignColumns,
  readForeignLists,
  tune,
  type LoggedLists,
  type PolicyEvaluation,
} from '../../training/policy/index.js';
import { folderOf } from '../dataset/builder.js';

const definition = parseDefinition(`name: fashion
features: {item: {kind: id, scope: candidate, from: item_id, dim: 2}}
tasks: {click: {group: engagement, kind: binary, label: click}}
network: {kind: shared_bottom}
score: {form: sum, weights: {click: 1}}
`);

/** Chances of a click by item where it is looked at, and how often people look at the three places. */
const worth = [0.1, 0.2, 0.3, 0.4, 0.6];
const looked = [1, 0.7, 0.5];
/** What the target shows, by item. */
const wanted = [0, 0.1, 0.1, 0.2, 0.6];

/** The Open Bandit Dataset’s columns: one row per shown item, evenly drawn, with the chance that it had in its place. */
const banditLog = (rows: number, seed = 1): string => {
  const random = new SeededRandom(seed);
  const uniform = (): number => random.next() / 2 ** 32;
  const lines = Array.from({ length: rows }, (_, row) => {
    const [item, place] = [random.below(5), random.below(3)];
    const click = uniform() < looked[place]! * worth[item]! ? 1 : 0;
    return `2019-11-24 00:${String(row % 60).padStart(2, '0')}:00+00:00,${item},${place + 1},${click},0.2,user${row % 300}`;
  });
  return `timestamp,item_id,position,click,propensity_score,user_feature_0\n${lines.join('\n')}\n`;
};

const shownOnly = `SELECT item_id, position, click, propensity_score AS propensity, user_feature_0 AS user_id,
  CASE item_id WHEN 1 THEN 0.1 WHEN 2 THEN 0.1 WHEN 3 THEN 0.2 WHEN 4 THEN 0.6 ELSE 0 END AS target_propensity
FROM 'log.csv'`;

/** All five candidates of every row, with what a model says of them. */
const everyCandidate = `WITH log AS (SELECT *, row_number() OVER () AS request_id FROM 'log.csv')
SELECT request_id, c.item AS item_id, position, user_feature_0 AS user_id, 0.1 * c.item + 0.05 AS predicted_click,
  CASE WHEN c.item = item_id THEN propensity_score END AS propensity, CASE WHEN c.item = item_id THEN click END AS click,
  [0, 0.1, 0.1, 0.2, 0.6][c.item + 1] AS target_propensity
FROM log CROSS JOIN (SELECT unnest([0, 1, 2, 3, 4]) AS item) c`;

const read = async (sql: string, options: { csv?: string; byPlace?: boolean } = {}): Promise<LoggedLists> => {
  await using folder = await folderOf({ 'log.csv': options.csv ?? banditLog(3000) });
  const sqlFile = 'dataset.sql';
  const table = await openQueryTable({ sql, sqlFile, directory: folder.directory, threads: 1 });
  try {
    const columns = foreignColumns(table, definition, sqlFile);
    return await readForeignLists({ table, columns, definition, sqlFile, byPlace: options.byPlace ?? true });
  } finally {
    await table.close();
  }
};

const meanLook = (looked[0]! + looked[1]! + looked[2]!) / 3;
const named = (lists: LoggedLists): PolicyEvaluation =>
  evaluatePolicy({ lists, target: 'named', waits: [undefined], seed: 1 });

describe('a log of others', () => {
  test('with the target’s chances of what was shown gives plain and self-normalised estimates', async () => {
    const { estimates, support } = named(await read(shownOnly));
    const truth = meanLook * worth.reduce((sum, click, item) => sum + click * wanted[item]!, 0);
    expect(estimates.map(({ estimator, weighting }) => `${weighting} ${estimator}`)).toEqual([
      'place ips',
      'place snips',
    ]);
    for (const { estimate } of estimates) {
      expect(estimate.low).toBeLessThan(truth);
      expect(estimate.high).toBeGreaterThan(truth);
      expect(estimate.error).toBeLessThan(0.03);
    }
    // A weight’s square is on average sum of wanted²/0.2.
    expect(support[0]!.effectiveLists / 3000).toBeCloseTo(0.2 / 0.42, 1);
  });

  test('with every candidate gives the doubly robust one too, which varies less', async () => {
    const { estimates } = named(await read(everyCandidate));
    const truth = meanLook * worth.reduce((sum, click, item) => sum + click * wanted[item]!, 0);
    const [ips, , dr] = estimates;
    expect(dr!.estimator).toBe('dr');
    expect(dr!.estimate.low).toBeLessThan(truth);
    expect(dr!.estimate.high).toBeGreaterThan(truth);
    expect(dr!.estimate.error).toBeLessThan(ips!.estimate.error);
  });

  test('is re-ranked by predictions and weights', async () => {
    const lists = await read(everyCandidate, { csv: banditLog(3000, 4), byPlace: false });
    const { estimates, logged } = evaluatePolicy({
      ...{ lists, waits: [undefined], seed: 1 },
      target: { weights: [1], form: 'sum' },
    });
    // The best item in the first place, the second best in the second.
    const truth = (looked[0]! * worth[4]! + looked[1]! * worth[3]! + looked[2]! * worth[2]!) / 3;
    for (const { estimate } of estimates) {
      expect(estimate.low).toBeLessThan(truth);
      expect(estimate.high).toBeGreaterThan(truth);
    }
    expect(logged[0]!.estimate.value).toBeCloseTo(meanLook * 0.32, 1);
    const tuning = tune({
      lists,
      space: { current: [-1], form: 'sum', bounds: [[-1, 1]] },
      ...{ metrics: [0, 0], waits: [undefined], seed: 1, tries: 5, weighting: 'place' },
    });
    expect(tuning.choice!.weights[0]).toBeGreaterThan(0);
    expect(tuning.recommended).toBe(true);
  });

  test('whose columns are not there is refused with what is there', async () => {
    const error = { code: 'data_missing' };
    const problem = (path: string, hint: string) =>
      expect.objectContaining({ path, hint: expect.stringContaining(hint) });
    await expect(read("SELECT item_id, click, 1 AS propensities FROM 'log.csv'")).rejects.toMatchObject({
      ...error,
      problems: [problem('dataset.sql: propensity', 'propensities AS propensity')],
    });
    await expect(read("SELECT propensity_score AS propensity FROM 'log.csv'")).rejects.toMatchObject({
      ...error,
      problems: [problem('dataset.sql: click', 'at least one label')],
    });
  });

  test('with values that cannot be right is refused with all of them', async () => {
    const wrong = `SELECT item_id, 0 AS position, NULL::DOUBLE AS click, 1.5 AS propensity, NULL::DOUBLE AS predicted_click FROM 'log.csv'`;
    await expect(read(wrong, { csv: banditLog(20) })).rejects.toMatchObject({
      code: 'data_invalid',
      problems: [
        { path: 'dataset.sql: propensity', message: '20 rows are not in (0, 1]' },
        { path: 'dataset.sql: position' },
        { path: 'dataset.sql: click' },
        { path: 'dataset.sql: predicted_click' },
      ],
    });
    const twice = `SELECT 1 AS request_id, position, click, 0.2 AS propensity FROM 'log.csv'`;
    await expect(read(twice, { csv: banditLog(20), byPlace: false })).rejects.toMatchObject({
      problems: [{ path: 'dataset.sql: request_id', message: '3 places of one request have several shown items' }],
    });
    const nothing = `SELECT click, NULL::DOUBLE AS propensity FROM 'log.csv'`;
    await expect(read(nothing, { csv: banditLog(20) })).rejects.toMatchObject({
      problems: [{ message: 'is NULL in every row: nothing was shown' }],
    });
  });

  test('whose query cannot be run is refused with the line', async () => {
    await expect(read("SELECT nothing FROM 'log.csv'")).rejects.toMatchObject({
      code: 'data_invalid',
      problems: [{ path: 'dataset.sql:1' }],
    });
  });
});
