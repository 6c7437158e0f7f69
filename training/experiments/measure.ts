import type { MetricRule } from '../../src/definition/index.js';
import { sqlField, sqlText, type LogTables } from '../dataset/index.js';
import { stretchOf, type Cohort } from './cohort.js';
import { momentsOf, type Moments } from './statistics/index.js';

/**
 * A user's numbers, in this order: what the metric counts and what it is divided by since the exposure, both of the time
 * before it, and 1 if there was such a time.
 */
export const places = { numerator: 0, denominator: 1, covariates: [2, 3, 4] } as const;
const width = 5;

export interface Window {
  readonly cohort: Cohort;
  /** How long before their first exposure to any phase users are looked at, for CUPED; 0 for not at all. */
  readonly beforeMs: number;
  readonly stretchMs: number;
  readonly stretches: number;
}

/**
 * Makes the tables `told` (feedback of exposed users) and `seen` (their lists) that metrics are measured on. What is fed back
 * counts by its list: on a list from before the exposure it belongs to the time before, if it came then, and to nothing
 * otherwise.
 */
export const gatherEvents = async (tables: LogTables, { cohort, beforeMs }: Window): Promise<void> => {
  const { from, to } = cohort;
  const counts = (listed: string, time: string): string =>
    `((${listed} >= e."time" AND ${time} >= ${from} AND ${time} < ${to})
      OR (${listed} >= e.untouched - ${beforeMs} AND ${listed} < e.untouched AND ${time} < e.untouched))`;
  await tables.run(`CREATE OR REPLACE TABLE told AS
    SELECT f.user_id, f.request_id, f.item_id, f.what, f."value", f."time",
           coalesce(l."time", f."time") >= e."time" AS since
    FROM feedback f JOIN exposed e USING (user_id) LEFT JOIN lists l USING (request_id)
    WHERE ${counts('coalesce(l."time", f."time")', 'f."time"')}`);
  await tables.run(`CREATE OR REPLACE TABLE seen AS
    SELECT l.list, l.user_id, l."time", l."time" >= e."time" AS since FROM lists l JOIN exposed e USING (user_id)
    WHERE ${counts('l."time"', 'l."time"')}`);
};

/** By stretch, then by arm: moments over the arm's users of everything up to the end of that stretch. */
export type Measured = readonly (readonly Moments[])[];

/** One metric over the cohort, cumulatively. Only sums leave the database: users may be many. */
export const measure = async (tables: LogTables, rule: MetricRule, window: Window): Promise<Measured> => {
  const { cohort, stretchMs, stretches } = window;
  const stretch = (time: string): string => stretchOf(time, cohort.from, stretchMs);
  await tables.run(`CREATE OR REPLACE TEMP TABLE increments AS
    SELECT user_id, since, "time", n::DOUBLE AS n, d::DOUBLE AS d FROM (${countedEvents(rule)})
    UNION ALL ${denominators(rule)}`);
  await tables.run(`CREATE OR REPLACE TEMP TABLE members AS
    SELECT e.user_id, e.arm, ${stretch('e."time"')} AS stretch, coalesce(b.n, 0) AS x, coalesce(b.d, 0) AS y,
           (e.user_id IN (SELECT user_id FROM seen WHERE NOT since))::DOUBLE AS known
    FROM exposed e LEFT JOIN
         (SELECT user_id, sum(n) AS n, sum(d) AS d FROM increments WHERE NOT since GROUP BY user_id) b USING (user_id)`);
  const entering = await tables.query(`
    SELECT arm, stretch, count(*)::DOUBLE AS users, sum(x) AS s2, sum(y) AS s3, sum(known) AS s4,
           sum(x * x) AS p22, sum(x * y) AS p23, sum(x * known) AS p24, sum(y * y) AS p33, sum(y * known) AS p34,
           sum(known) AS p44
    FROM members GROUP BY ALL`);
  const changing = await tables.query(`
    WITH changes AS (
      SELECT user_id, ${stretch('"time"')} AS stretch, sum(n) AS dn, sum(d) AS dd
      FROM increments WHERE since GROUP BY ALL),
    running AS (
      SELECT *, sum(dn) OVER sofar AS n, sum(dd) OVER sofar AS d FROM changes
      WINDOW sofar AS (PARTITION BY user_id ORDER BY stretch))
    SELECT m.arm, r.stretch, sum(dn) AS s0, sum(dd) AS s1,
           sum(n * n - (n - dn) * (n - dn)) AS p00, sum(n * d - (n - dn) * (d - dd)) AS p01,
           sum(d * d - (d - dd) * (d - dd)) AS p11, sum(dn * x) AS p02, sum(dn * y) AS p03, sum(dn * known) AS p04,
           sum(dd * x) AS p12, sum(dd * y) AS p13, sum(dd * known) AS p14
    FROM running r JOIN members m USING (user_id) GROUP BY ALL`);
  return cumulate([...entering, ...changing], { arms: cohort.arms, stretches });
};

/**
 * SQL: each feedback that counts as what it adds to the numerator (n) and, of a mean, to the denominator (d), when it came.
 * Where only the last or largest value of a shown item counts, a feedback adds the difference to what counted before.
 */
const countedEvents = ({ of, take, per, several, over }: MetricRule): string => {
  const kinds = of.map(sqlText).join(', ');
  const value = over === undefined ? '"value"' : '"value" / nullif(over_value, 0)';
  const withOver =
    over === undefined
      ? 'told'
      : `told LEFT JOIN (
           SELECT DISTINCT ON (request_id, item_id) request_id, item_id,
                  try_cast(${sqlField('fields', over)} AS DOUBLE) AS over_value
           FROM shown WHERE request_id IN (SELECT request_id FROM told)) USING (request_id, item_id)`;
  const events = `SELECT user_id, since, request_id, item_id, "time", ${value} AS v FROM ${withOver} WHERE what IN (${kinds})`;
  const first = (unit: string): string =>
    `(row_number() OVER (PARTITION BY since, ${unit} ORDER BY "time", v) = 1)::INTEGER`;
  const shownItem = 'request_id, item_id';
  if (take === 'any') {
    const unit = per === 'user' ? 'user_id' : per === 'request' ? 'request_id' : shownItem;
    return `SELECT user_id, since, "time", ${first(unit)} AS n, 0 AS d FROM (${events})`;
  }
  if (take === 'count')
    return `SELECT user_id, since, "time", ${several === 'each' ? '1' : first(shownItem)} AS n, 0 AS d FROM (${events})`;
  const known = `SELECT * FROM (${events}) WHERE v IS NOT NULL`;
  const item = `(PARTITION BY since, ${shownItem} ORDER BY "time", v ROWS UNBOUNDED PRECEDING)`;
  const sofar =
    several === 'largest' ? `SELECT *, max(v) OVER ${item} AS c FROM (${known})` : `SELECT *, v AS c FROM (${known})`;
  const added =
    several === 'each' ? 'v' : `c - coalesce(lag(c) OVER (PARTITION BY since, ${shownItem} ORDER BY "time", v), 0)`;
  const event = several === 'each' ? '1' : first(shownItem);
  return `SELECT user_id, since, "time", ${added} AS n, ${take === 'mean' ? event : '0'} AS d FROM (${sofar})`;
};

/** SQL: what adds to the denominator beside events. */
const denominators = ({ per }: MetricRule): string => {
  const nothing = 'SELECT NULL::VARCHAR, true, 0::DOUBLE, 0::DOUBLE, 0::DOUBLE WHERE false';
  switch (per) {
    case 'user':
      return 'SELECT user_id, true, "time", 0, 1 FROM exposed';
    case 'request':
      return 'SELECT user_id, since, "time", 0, 1 FROM seen';
    case 'impression':
      return `SELECT s.user_id, s.since, s."time", 0, i.items FROM seen s
              JOIN (SELECT list, count(*)::DOUBLE AS items FROM shown GROUP BY list) i USING (list)`;
    case 'event':
      return nothing;
  }
};

/** Sums of stretches, by name (users, s<i>, p<i><j>), added up over time. */
const cumulate = (
  rows: readonly Readonly<Record<string, unknown>>[],
  { arms, stretches }: { readonly arms: readonly string[]; readonly stretches: number },
): Measured => {
  const names = rows.flatMap((row) => Object.keys(row).filter((name) => name !== 'arm' && name !== 'stretch'));
  const added = Array.from({ length: stretches }, () => arms.map(() => new Map<string, number>()));
  for (const row of rows) {
    const sums = added[Math.min(Number(row['stretch']), stretches - 1)]?.[arms.indexOf(String(row['arm']))];
    for (const [name, value] of Object.entries(row))
      if (typeof value === 'number' && name !== 'stretch') sums?.set(name, (sums.get(name) ?? 0) + value);
  }
  const total = arms.map(() => new Map<string, number>());
  return added.map((ofArms) =>
    ofArms.map((sums, arm) => {
      const running = total[arm] ?? new Map<string, number>();
      for (const name of new Set(names)) running.set(name, (running.get(name) ?? 0) + (sums.get(name) ?? 0));
      const sum = (name: string): number => running.get(name) ?? 0;
      const each = Array.from({ length: width }, (_, i) => i);
      return momentsOf(
        sum('users'),
        each.map((i) => sum(`s${i}`)),
        each.map((i) => each.map((j) => (i <= j ? sum(`p${i}${j}`) : 0))),
      );
    }),
  );
};
