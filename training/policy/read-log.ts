import type { MetricRule, RankerDefinition } from '../../src/definition/index.js';
import type { LogRow, LogTables } from '../dataset/index.js';
import { collectLists } from './lists.js';
import { rewardRows } from './read-rewards.js';
import type { ListMetric, ListPolicy, LoggedLists } from './types.js';

export interface ReadLogOptions {
  /** Opened for the ranker alone. */
  readonly tables: LogTables;
  readonly definition: RankerDefinition;
  readonly metrics: readonly MetricRule[];
  /** So many lists at most: beyond that, those of some users, chosen by a hash; 200,000 if left out. */
  readonly mostLists?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Lists that cannot be ranked anew, by what they lack. */
export const leftOutReasons = {
  unlogged_candidates: 'not all candidates are in the log, as nothing was varied',
  unscored: 'an item was shown without a score',
  other_heads: 'made by a version with other heads',
} as const;
export type LeftOutReason = keyof typeof leftOutReasons;

export interface ReadLog {
  readonly lists: LoggedLists;
  readonly leftOut: Readonly<Record<LeftOutReason, number>>;
  /** Part of the users that were read; 1 unless the log is longer than what is held at once. */
  readonly share: number;
}

/** Reads a ranker’s lists, with what each shown item brought, into columns. */
export const readLoggedLists = async (options: ReadLogOptions): Promise<ReadLog> => {
  const { tables, definition, metrics, mostLists = 200_000, onProgress } = options;
  const tasks = Object.keys(definition.tasks);
  const collector = collectLists({ tasks, metrics: listMetrics(metrics) });
  const leftOut = { unlogged_candidates: 0, unscored: 0, other_heads: 0 };
  const total = tables.counts.lists;
  const share = Math.min(1, mostLists / Math.max(1, total));
  const expected = Math.round(total * share);
  const policyOf = policyReader(tasks, definition.score.form);
  let done = 0;
  for await (const row of tables.rows(listRows(metrics, share))) {
    if (++done % 1000 === 0) onProgress?.(Math.min(done, expected), expected);
    const heads = headsInOrder(row, tasks);
    if (row['exploration'] === null && Number(row['shown']) < Number(row['candidates'])) leftOut.unlogged_candidates++;
    else if (heads === undefined) leftOut.other_heads++;
    else if (!addList(row, { collector, heads, policy: policyOf(row), metrics })) leftOut.unscored++;
  }
  onProgress?.(expected, expected);
  return { lists: collector.finish(), leftOut, share };
};

/** What is read of each metric: its total, and for a mean how many events there were; in the order of the columns. */
const rewardColumns = (metrics: readonly MetricRule[]): string[] =>
  metrics.flatMap(({ per }, at) => (per === 'event' ? [`t${at}`, `e${at}`] : [`t${at}`]));

const listMetrics = (metrics: readonly MetricRule[]): ListMetric[] => {
  const columns = rewardColumns(metrics);
  return metrics.map(({ name, direction, per }, at) => ({
    name,
    direction,
    total: columns.indexOf(`t${at}`),
    ...(per === 'event' && { per: columns.indexOf(`e${at}`) }),
  }));
};

/**
 * SQL: one row per list, its candidates as arrays in the order of the request. Lists come by time, not by their place in the
 * log: what is searched and judged must not depend on partitions.
 */
const listRows = (metrics: readonly MetricRule[], share: number): string => {
  const chosen =
    share < 1 ? `WHERE hash(coalesce(user_id, request_id)) % 1000000 < ${Math.floor(share * 1_000_000)}` : '';
  const columns = rewardColumns(metrics);
  const rewards = columns.map((name) => `r${name.slice(1)}.${name.startsWith('t') ? 'total' : 'events'} AS ${name}`);
  const joins = metrics.map((rule, at) => `LEFT JOIN (${rewardRows(rule)}) r${at} USING (request_id, item_id)`);
  const lists = (names: readonly string[]): string =>
    names.map((name) => `list(${name} ORDER BY row_index, position) AS ${name}`).join(', ');
  return `
    WITH chosen AS (SELECT * FROM lists ${chosen}),
    candidates AS (
      SELECT s.list, s.row_index, s.position, s.propensity, s.heads${rewards.map((each) => `, ${each}`).join('')}
      FROM shown s ${joins.join(' ')} WHERE s.list IN (SELECT list FROM chosen)
      UNION ALL
      SELECT list, row_index, NULL, NULL, heads${columns.map(() => ', NULL').join('')}
      FROM unshown WHERE list IN (SELECT list FROM chosen)),
    grouped AS (
      SELECT list, count(position)::INTEGER AS shown, ${lists(['row_index', 'position', 'propensity', ...columns])},
             flatten(list(heads ORDER BY row_index, position)) AS heads
      FROM candidates GROUP BY list)
    SELECT g.*, c.user_id, to_json(c.weights)::VARCHAR AS weights, c.form, to_json(c.exploration)::VARCHAR AS exploration,
           c.tasks, c.candidates
    FROM grouped g JOIN chosen c USING (list) ORDER BY c."time", c.request_id`;
};

/** [candidates, tasks] in the definition’s order, NaN where nothing could be scored; undefined if heads are missing. */
const headsInOrder = (row: LogRow, tasks: readonly string[]): Float32Array | undefined => {
  const logged = row['tasks'] as readonly string[];
  const values = row['heads'] as readonly (number | null)[];
  const columns = tasks.map((task) => logged.indexOf(task));
  if (columns.includes(-1)) return undefined;
  const rows = values.length / logged.length;
  const heads = new Float32Array(rows * tasks.length);
  for (let at = 0; at < rows; at++)
    columns.forEach((column, task) => (heads[at * tasks.length + task] = values[at * logged.length + column] ?? NaN));
  return heads;
};

/** Parsed once for all lists of the same policy. */
const policyReader = (tasks: readonly string[], standard: ListPolicy['form']): ((row: LogRow) => ListPolicy) => {
  const known = new Map<string, ListPolicy>();
  return ({ weights, form, exploration }) => {
    const key = JSON.stringify([weights, form, varied(exploration)]);
    const policy = known.get(key) ?? {
      weights: tasks.map((task) => (JSON.parse(String(weights)) as Record<string, number>)[task] ?? 0),
      form: (form ?? standard) as ListPolicy['form'],
      ...varied(exploration),
    };
    known.set(key, policy);
    return policy;
  };
};

const varied = (exploration: unknown): Pick<ListPolicy, 'share' | 'temperature' | 'swaps'> => {
  if (typeof exploration !== 'string') return { share: 0, temperature: 1, swaps: 0 };
  const { share, temperature, swaps } = JSON.parse(exploration) as Record<'share' | 'temperature' | 'swaps', number>;
  return { share, temperature, swaps };
};

interface Adding {
  readonly collector: ReturnType<typeof collectLists>;
  readonly heads: Float32Array;
  readonly policy: ListPolicy;
  readonly metrics: readonly MetricRule[];
}

/** False if an item was shown without a score: where it came says nothing of any weights. */
const addList = (row: LogRow, { collector, heads, policy, metrics }: Adding): boolean => {
  const positions = row['position'] as readonly (number | null)[];
  const propensity = row['propensity'] as readonly (number | null)[];
  const tasks = heads.length / positions.length;
  const scored = positions.flatMap((_, at) =>
    heads.subarray(at * tasks, (at + 1) * tasks).every((value) => Number.isFinite(value)) ? [at] : [],
  );
  const rowOf = new Map(scored.map((at, kept) => [at, kept]));
  const shown = positions
    .flatMap((position, at) => (position === null ? [] : [{ position, at }]))
    .sort((a, b) => a.position - b.position);
  if (shown.some(({ at }) => !rowOf.has(at))) return false;
  const values = (name: string): Float64Array => {
    const column = row[name] as readonly (number | null)[];
    return Float64Array.from(shown, ({ at }) => column[at] ?? 0);
  };
  collector.add({
    user: (row['user_id'] as string | null) ?? undefined,
    policy,
    heads: Float32Array.from(scored.flatMap((at) => [...heads.subarray(at * tasks, (at + 1) * tasks)])),
    shown: Int32Array.from(shown, ({ at }) => rowOf.get(at) ?? 0),
    propensities: Float64Array.from(shown, ({ at }) => propensity[at] ?? NaN),
    rewards: rewardColumns(metrics).map(values),
  });
  return true;
};
