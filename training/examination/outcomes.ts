import {
  fieldOf,
  labelRules,
  type FeatureDefinition,
  type LabelRule,
  type RankerDefinition,
} from '../../src/definition/index.js';
import { biasShape } from '../../src/features/index.js';
import { sqlField, sqlText, type LogTables } from '../dataset/index.js';
import type { ListCell } from './lists.js';
import type { SwapOutcome } from './types.js';

/** What the log says of one head. */
export interface HeadOutcomes {
  readonly swaps: readonly SwapOutcome[];
  readonly cells: readonly ListCell[];
}

export interface LogOutcomes {
  /** By task, in the order of the definition. */
  readonly heads: readonly HeadOutcomes[];
  /** [positions] how often something was shown there; later positions count as the last. */
  readonly shown: readonly number[];
  /** [cells] of the definition's `bias`: how often something was shown in each; none without one. */
  readonly shownCells: readonly number[];
  readonly requests: number;
  /** Requests in which a swap was drawn, whatever came of it. */
  readonly swapRequests: number;
}

export interface OutcomesOptions {
  readonly tables: LogTables;
  readonly definition: RankerDefinition;
  readonly positions: number;
  /** Only rows in which this category feature has this value. */
  readonly where?: { readonly feature: string; readonly value: string };
}

const groups = 20;
const buckets = 20;
const positiveFrom = 0.5;

/** Reads the outcomes of every head by position: labels as training from the stream makes them of feedback. */
export const readOutcomes = async (options: OutcomesOptions): Promise<LogOutcomes> => {
  const { tables, definition, positions, where } = options;
  const tasks = Object.keys(definition.tasks);
  await tables.run(`CREATE OR REPLACE TABLE examined AS ${examinedSql(definition, where)}`);
  const [counts = {}] = await tables.query(
    `SELECT count(DISTINCT list)::DOUBLE AS requests,
            count(DISTINCT list) FILTER (swap_position IS NOT NULL)::DOUBLE AS swaps FROM examined`,
  );
  const shown = new Array<number>(positions).fill(0);
  for (const row of await tables.query(
    `SELECT least(position, ${positions}) AS position, count(*)::DOUBLE AS rows FROM examined GROUP BY ALL`,
  )) {
    shown[number(row['position']) - 1] = number(row['rows']);
  }
  const shownCells = await readShownCells(tables, definition);
  const heads: HeadOutcomes[] = [];
  for (const index of tasks.keys()) {
    heads.push({ swaps: await readSwaps(tables, index), cells: await readCells(tables, index, positions) });
  }
  await tables.run('DROP TABLE examined');
  return { heads, shown, shownCells, requests: number(counts['requests']), swapRequests: number(counts['swaps']) };
};

const readShownCells = async (tables: LogTables, definition: RankerDefinition): Promise<number[]> => {
  const { parts, cells } = biasShape(definition);
  const counts = new Array<number>(cells).fill(0);
  if (cells === 0) return counts;
  const columns = parts.map(({ name, count }, part) =>
    name === 'position' ? `least(position, ${count}) AS part_${part}` : `part_${part}`,
  );
  const rows = await tables.query(`SELECT ${columns.join(', ')}, count(*)::DOUBLE AS rows FROM examined GROUP BY ALL`);
  for (const row of rows) {
    const cell = parts.reduce((at, { name, count }, part) => {
      const value = row[`part_${part}`];
      const index = name === 'position' ? number(value) - 1 : listedValues(definition, name).indexOf(String(value));
      return index < 0 ? Number.NaN : at * count + index;
    }, 0);
    // A value that is not listed falls into no cell.
    if (!Number.isNaN(cell)) counts[cell] = (counts[cell] ?? 0) + number(row['rows']);
  }
  return counts;
};

/** The values of a category feature as texts, in the order of the definition; none for anything else. */
export const listedValues = (definition: RankerDefinition, name: string): string[] => {
  const feature = definition.features[name];
  return feature?.kind === 'category' ? (feature.values ?? []).map(String) : [];
};

const readSwaps = async (tables: LogTables, task: number): Promise<SwapOutcome[]> => {
  const outcomes: SwapOutcome[] = [];
  const rows = tables.rows(
    `SELECT any_value(cluster) AS cluster, any_value(swap_position) AS position, any_value(swapped) AS swapped,
            max(label_${task}) FILTER (position = 1) AS first,
            max(label_${task}) FILTER (position = swap_position) AS there
     FROM examined WHERE swap_position IS NOT NULL GROUP BY list`,
  );
  for await (const { cluster, position, swapped, first, there } of rows) {
    outcomes.push({
      cluster: String(cluster),
      position: number(position),
      swapped: swapped === true,
      first: number(first),
      there: number(there),
    });
  }
  return outcomes;
};

const readCells = async (tables: LogTables, task: number, positions: number): Promise<ListCell[]> => {
  const rows = await tables.query(
    `SELECT (hash(cluster) % ${groups})::INTEGER AS "group", bucket, least(position, ${positions}) AS position,
            count(*)::DOUBLE AS rows, sum(label)::DOUBLE AS outcomes
     FROM (SELECT cluster, position, label_${task} AS label, ntile(${buckets}) OVER (ORDER BY head_${task})::INTEGER AS bucket
           FROM examined WHERE label_${task} IS NOT NULL AND head_${task} IS NOT NULL)
     GROUP BY ALL ORDER BY ALL`,
  );
  return rows.map((row) => ({
    group: number(row['group']),
    bucket: number(row['bucket']),
    position: number(row['position']),
    rows: number(row['rows']),
    outcomes: number(row['outcomes']),
  }));
};

/** One row per item shown: whose, where, how it was drawn, and per task the head and the label. */
const examinedSql = (definition: RankerDefinition, where: OutcomesOptions['where']): string => {
  const rules = labelRules(definition);
  const columns = rules.flatMap(({ task }, index) => [
    `s.heads[list_position(l.tasks, ${sqlText(task)})] AS head_${index}`,
    `${labelSql(definition.tasks, task)} AS label_${index}`,
  ]);
  const parts = biasShape(definition).parts.flatMap(({ name }, part) => {
    const crossed = definition.features[name];
    return crossed === undefined ? [] : [`${fieldSql(name, crossed)} AS part_${part}`];
  });
  const feature = where === undefined ? undefined : definition.features[where.feature];
  const only =
    where === undefined || feature === undefined
      ? ''
      : `WHERE ${fieldSql(where.feature, feature)} = ${sqlText(where.value)}`;
  return `
    SELECT s.list, s.position, coalesce(s.user_id, s.request_id) AS cluster,
           CASE WHEN l.exploration.drawn = 'swap' THEN l.exploration.swap_position END AS swap_position,
           l.exploration.swapped AS swapped, ${[...columns, ...parts].join(', ')}
    FROM shown s JOIN lists l USING (list)
    LEFT JOIN (SELECT f.request_id, f.item_id, ${rules.map(outcomeSql).join(', ')}
               FROM feedback f JOIN lists USING (request_id) GROUP BY ALL) o
      ON o.request_id = s.request_id AND o.item_id = s.item_id
    ${only}`;
};

/** What feedback on one item makes of a task, before `when`: NULL where there was none. */
const outcomeSql = ({ task, on, take, waitMs, late }: LabelRule): string => {
  const kinds = [...new Set(on)].map(sqlText).join(', ');
  const inTime = late === 'ignore' ? ` AND f."time" <= lists."time" + ${waitMs}` : '';
  const heard = `FILTER (f.what IN (${kinds})${inTime})`;
  const known = `FILTER (f.what IN (${kinds})${inTime} AND f."value" IS NOT NULL)`;
  const values = { last: 'arg_max(f."value", f."time")', largest: 'max(f."value")', sum: 'sum(f."value")' };
  return `count(*) ${heard} AS any_${task}, ${values[take]} ${known} AS value_${task}`;
};

const labelSql = (tasks: RankerDefinition['tasks'], task: string): string => {
  const { kind, when } = tasks[task] ?? {};
  const plain = kind === 'binary' ? `(coalesce(o.any_${task}, 0) > 0)::DOUBLE` : `o.value_${task}`;
  return when === undefined ? plain : `CASE WHEN ${labelSql(tasks, when)} > ${positiveFrom} THEN ${plain} END`;
};

/** A feature's field as text, where the log keeps it. */
const fieldSql = (name: string, feature: FeatureDefinition): string => {
  const place = { user: 'l.user_fields', context: 'l.context', candidate: 's.fields' }[feature.scope];
  return sqlField(place, fieldOf(name, feature));
};

const number = (value: unknown): number =>
  typeof value === 'bigint' || typeof value === 'number' ? Number(value) : Number.NaN;
