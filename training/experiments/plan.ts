import { metricRules, type MetricRule, type RankerDefinition } from '../../src/definition/index.js';
import { WatchnextError } from '../../src/errors.js';
import { nameHint } from '../../src/nearest.js';
import type { LogTables } from '../dataset/index.js';
import { gatherEvents, measure, places } from './measure.js';
import { adjust, detectable, ratioEstimate, usersNeeded, usersNeededSequentially } from './statistics/index.js';

/** A metric as users vary in it. */
export interface Spread {
  readonly mean: number;
  /** Of a user, in the metric's unit (of a ratio: as if it were a mean of users). */
  readonly deviation: number;
  /** Part of the variance that the time before explains; 0 where nothing is known of it. */
  readonly explained: number;
}

/** What the log shows after so many days from a start: users seen by then, and how they vary. */
export interface TrafficDay extends Spread {
  readonly days: number;
  readonly users: number;
}

export interface PlanOptions {
  /** Relative, e.g. 0.02. */
  readonly effect: number;
  /** Parts of the users by arm, the control first; in proportion. */
  readonly shares: readonly number[];
  /** Two-sided, for each arm against the control; several arms share it. 0.05 if left out. */
  readonly alpha?: number;
  /** 0.8 if left out. */
  readonly power?: number;
  readonly tunedFor?: number;
}

/** Users of all arms together that tell the effect in the arm that has the fewest. */
export interface Size {
  /** At the end of a time that is fixed before. */
  readonly fixed: number;
  /** By the always-valid interval, which may be looked at all the time. */
  readonly sequential: number;
}

export interface Plan {
  readonly plain: Size;
  /** With CUPED; undefined where nothing is known of the time before. */
  readonly adjusted: Size | undefined;
}

/** How many users an experiment takes. Throws `usage` for numbers that allow no answer. */
export const planExperiment = (spread: Spread, options: PlanOptions): Plan => {
  const { effect } = options;
  const problems = [
    ...(spread.mean === 0 ? ['the metric’s mean is 0, and an effect relative to it is nothing'] : []),
    ...(spread.deviation === 0 ? ['all users have the same value: how much chance there is cannot be said'] : []),
    ...(effect > 0 ? [] : ['the effect must be above 0']),
  ];
  if (problems.length > 0)
    throw new WatchnextError('usage', 'There is no size that would do.', {
      problems: problems.map((message) => ({ path: 'plan', message })),
    });
  const relative = spread.deviation / Math.abs(spread.mean);
  const size = (deviation: number): Size => {
    const { level, shares, part } = pairOf(options);
    const of = (users: number): number => Math.ceil(users / part);
    return {
      fixed: of(usersNeeded(effect, deviation, { ...level, shares })),
      sequential: of(usersNeededSequentially(effect, deviation, { ...level, shares })),
    };
  };
  const { explained } = spread;
  return {
    plain: size(relative),
    adjusted: explained > 0 && explained < 1 ? size(relative * Math.sqrt(1 - explained)) : undefined,
  };
};

/** The smallest relative effect that a day's users tell at a fixed time, with CUPED where it helps. */
export const detectableOn = (day: TrafficDay, options: PlanOptions): number | undefined => {
  if (day.mean === 0 || day.deviation === 0) return undefined;
  const { level, shares, part } = pairOf(options);
  const deviation = (day.deviation / Math.abs(day.mean)) * Math.sqrt(1 - day.explained);
  return detectable(day.users * part, deviation, { ...level, shares });
};

/** The comparison with the fewest users: control and smallest arm, and the part of all users that are in it. */
const pairOf = ({ shares, alpha = 0.05, power = 0.8, tunedFor }: PlanOptions) => {
  const [control = 1, ...others] = shares;
  const smallest = Math.min(...others);
  const total = shares.reduce((sum, share) => sum + share, 0);
  return {
    // Bonferroni: of several arms, the best is looked for.
    level: { alpha: alpha / others.length, power, ...(tunedFor !== undefined && { tunedFor }) },
    shares: [control, smallest] as const,
    part: (control + smallest) / total,
  };
};

const dayMs = 86_400_000;

export interface TrafficOptions {
  readonly tables: LogTables;
  readonly definition: RankerDefinition;
  /** One of the ranker's metrics. */
  readonly metric: string;
  /** The last so many days of the log stand for the experiment; 14 if left out. */
  readonly windowMs?: number;
  /** 7 days if left out, 0 for no CUPED. */
  readonly beforeMs?: number;
}

/**
 * A metric after one, two, … days, as if an experiment had begun that long before the end of the log and every user had been
 * exposed with their first list. Rejects with data_missing where the log has no lists of known users.
 */
export const trafficOf = async (options: TrafficOptions): Promise<readonly TrafficDay[]> => {
  const { tables, windowMs = 14 * dayMs, beforeMs = 7 * dayMs } = options;
  const rule = ruleOf(options);
  const [row] = await tables.query(
    'SELECT min("time") AS first, max("time") AS last FROM lists WHERE user_id IS NOT NULL',
  );
  const [first, last] = [row?.['first'], row?.['last']];
  if (typeof first !== 'number' || typeof last !== 'number')
    throw new WatchnextError('data_missing', 'The log has no lists of known users.', {
      problems: [
        { path: 'log', message: 'no lists', hint: 'give --mean, --sd and --users-per-day, or name another log' },
      ],
    });
  const to = last + 1;
  const whole = Math.max(1, Math.floor((to - first) / dayMs));
  const days = Math.min(whole, Math.ceil(windowMs / dayMs));
  const from = Math.max(first, to - days * dayMs);
  await tables.run(`CREATE OR REPLACE TABLE exposed AS
    SELECT user_id, 'all' AS arm, min("time") AS "time", min("time") AS untouched
    FROM lists WHERE user_id IS NOT NULL AND "time" >= ${from} GROUP BY user_id`);
  const cohort = {
    experiment: '',
    phase: '',
    phases: [],
    from,
    to,
    arms: ['all'],
    mixed: 0,
    dropped: undefined,
    shares: undefined,
  };
  const window = { cohort, beforeMs, stretchMs: Math.max(1, (to - from) / days), stretches: days };
  await gatherEvents(tables, window);
  const measured = await measure(tables, rule, window);
  return measured.flatMap(([moments], index): TrafficDay[] => {
    const estimate = moments === undefined ? undefined : ratioEstimate(moments);
    if (moments === undefined || estimate === undefined) return [];
    const { users, value, variance } = estimate;
    const explained = adjust([moments], places)?.explained ?? 0;
    return [{ days: index + 1, users, mean: value, deviation: Math.sqrt(variance * users), explained }];
  });
};

const ruleOf = ({ definition, metric }: TrafficOptions): MetricRule => {
  const rules = metricRules(definition);
  const rule = rules.find(({ name }) => name === metric);
  if (rule !== undefined) return rule;
  const names = rules.map(({ name }) => name);
  throw new WatchnextError('usage', `${definition.name} has no metric ${metric}.`, {
    problems: [{ path: '--metric', message: `"${metric}" is not there`, hint: nameHint(metric, names) }],
  });
};

/** When a size is reached: how many users that takes, and after how many days. */
export interface Reached {
  readonly users: number;
  /** Infinity where too few come. */
  readonly days: number;
}

export type Way = 'plain' | 'adjusted';
export type Looks = keyof Size;

/**
 * On the first day of the log on which enough users were there, given how they vary by then: the longer an experiment, the more
 * each user has done. After its end users go on to come at the pace of its last days, and vary as they did then. Undefined
 * where a way is not open.
 */
export const whenReached = (
  traffic: readonly TrafficDay[],
  options: PlanOptions,
  { way, looks }: { readonly way: Way; readonly looks: Looks },
): Reached | undefined => {
  for (const day of traffic) {
    if (day.mean === 0 || day.deviation === 0) continue;
    const size = planExperiment(day, options)[way]?.[looks];
    if (size !== undefined && day.users >= size) return { users: size, days: day.days };
  }
  const last = traffic.at(-1);
  const users = last === undefined ? undefined : planExperiment(last, options)[way]?.[looks];
  return users === undefined ? undefined : { users, days: daysUntil(users, traffic) };
};

/** Days until so many users have come at the pace of the last days. */
const daysUntil = (users: number, traffic: readonly TrafficDay[]): number => {
  const last = traffic.at(-1);
  const earlier = traffic.at(-1 - Math.min(3, traffic.length - 1));
  if (last === undefined || earlier === undefined) return Infinity;
  const pace =
    last.days === earlier.days ? last.users / last.days : (last.users - earlier.users) / (last.days - earlier.days);
  return pace <= 0 ? Infinity : Math.ceil(Math.max(0, last.days + (users - last.users) / pace));
};
