import type { LogTables } from '../dataset/index.js';
import { metricRules, type RankerDefinition } from '../../src/definition/index.js';
import { openCohort, unknownArm, usersOverTime, usersSince, type CohortOptions, type Dropped } from './cohort.js';
import { compareMetric, type MetricAnalysis } from './comparison.js';
import { gatherEvents, measure } from './measure.js';
import {
  chiSquareTest,
  corrected,
  sampleRatioAlarm,
  sequentialSplitPValue,
  type Correction,
} from './statistics/index.js';

export interface AnalysisOptions extends CohortOptions {
  /** Whose metrics: see `metricRules`. */
  readonly definition: RankerDefinition;
  /** The arm that others are compared with; the first, if left out. */
  readonly control?: string;
  /** The relative effect worth detecting; 0.02 if left out. */
  readonly worthwhile?: number;
  /** 0.05 if left out. */
  readonly alpha?: number;
  /** Benjamini-Hochberg over all metrics and arms, if left out. */
  readonly correction?: Correction;
  /** Time before the exposure that CUPED looks at; 7 days if left out, 0 for none. */
  readonly beforeMs?: number;
  /** Users at which the always-valid interval is narrowest; 5000 if left out. */
  readonly tunedFor?: number;
  /** How many metrics of how many are measured. */
  readonly onProgress?: (done: number, total: number, metric: string) => void;
}

export interface ArmUsers {
  readonly arm: string;
  readonly users: number;
  /** Expected part of the users. */
  readonly share: number;
}

export interface SampleRatio {
  /** For one look, by chi-square. */
  readonly pValue: number;
  /** However often it was looked at: once a stretch. */
  readonly sequentialPValue: number;
  readonly alarm: boolean;
  /** False where nobody said what the shares are, and equal ones are assumed. */
  readonly given: boolean;
}

export interface ExperimentAnalysis {
  readonly experiment: string;
  readonly phase: string;
  readonly phases: readonly string[];
  /** Event times that count, from <= time < to. */
  readonly from: number;
  readonly to: number;
  /** How often there is a point in the series. */
  readonly stretchMs: number;
  readonly control: string;
  readonly arms: readonly ArmUsers[];
  /** Users who saw several arms: in none. */
  readonly mixed: number;
  /** What retention took of the phase; undefined where the log has all of it. */
  readonly dropped: Dropped | undefined;
  /** New users of all arms, over the last seven days. */
  readonly usersPerDay: number;
  /** Undefined with fewer than two arms. */
  readonly sampleRatio: SampleRatio | undefined;
  readonly metrics: readonly MetricAnalysis[];
  readonly settings: {
    readonly ranker: string;
    readonly alpha: number;
    readonly worthwhile: number;
    readonly correction: Correction;
    readonly beforeMs: number;
    readonly tunedFor: number;
  };
}

const dayMs = 86_400_000;
/** Stretches are as long as leaves some for a curve: minutes of hours, hours of days, else days. */
const stretches = [
  { ms: 60_000, upToMs: 2 * 3_600_000 },
  { ms: 3_600_000, upToMs: 3 * dayMs },
  { ms: dayMs, upToMs: Infinity },
];
/** New users a day are counted over this much of the end. */
const recentMs = 7 * dayMs;

/**
 * An experiment as the log shows it. Rejects with data_missing for an experiment, phase or control that the log knows nothing
 * of; says in place of numbers why there are none.
 */
export const analyseExperiment = async (options: AnalysisOptions): Promise<ExperimentAnalysis> => {
  const { tables, definition, worthwhile = 0.02, alpha = 0.05, tunedFor = 5000 } = options;
  const { correction = 'benjamini-hochberg', beforeMs = 7 * dayMs, onProgress } = options;
  const cohort = await openCohort(options);
  const { shares } = cohort;
  const control = controlOf(options.control, cohort.arms, shares !== undefined);
  const arms = [control, ...cohort.arms.filter((arm) => arm !== control)];
  const { from, to, mixed, dropped } = cohort;
  const stretchMs = stretches.find(({ upToMs }) => to - from <= upToMs)?.ms ?? dayMs;
  const count = Math.max(1, Math.ceil((to - from) / stretchMs));
  const ordered = { ...cohort, arms };
  const perStretch = await usersOverTime(tables, ordered, { stretchMs, stretches: count });
  const users = arms.map((_, arm) => perStretch.reduce((sum, row) => sum + (row[arm] ?? 0), 0));
  const expected = proportions(arms.map((arm) => (shares === undefined ? 1 : (shares[arm] ?? 0))));
  const window = { cohort: ordered, beforeMs, stretchMs, stretches: count };
  await gatherEvents(tables, window);
  const rules = metricRules(definition);
  const metrics: MetricAnalysis[] = [];
  for (const [done, rule] of rules.entries()) {
    onProgress?.(done, rules.length, rule.name);
    const measured = await measure(tables, rule, window);
    metrics.push(compareMetric({ rule, measured, arms, from, stretchMs, to, alpha, tunedFor }));
  }
  onProgress?.(rules.length, rules.length, '');
  return {
    experiment: cohort.experiment,
    phase: cohort.phase,
    phases: cohort.phases,
    from,
    to,
    stretchMs,
    control,
    arms: arms.map((arm, place) => ({ arm, users: users[place] ?? 0, share: expected[place] ?? 0 })),
    mixed,
    dropped,
    usersPerDay: await recentRate(tables, from, to),
    sampleRatio: arms.length < 2 ? undefined : { ...sampleRatio(perStretch, expected), given: shares !== undefined },
    metrics: correctAll(metrics, correction),
    settings: { ranker: definition.name, alpha, worthwhile, correction, beforeMs, tunedFor },
  };
};

/** Names that a control usually has, where nobody says which arm is it. */
const usualControls = ['control', '0', 'off', 'a', 'A'];

const controlOf = (wanted: string | undefined, arms: readonly string[], ordered: boolean): string => {
  const first = arms[0] ?? '';
  if (wanted === undefined) return ordered ? first : (usualControls.find((name) => arms.includes(name)) ?? first);
  if (arms.includes(wanted)) return wanted;
  throw unknownArm(wanted, arms);
};

const proportions = (parts: readonly number[]): number[] => {
  const total = parts.reduce((sum, part) => sum + part, 0);
  return parts.map((part) => (total === 0 ? 1 / parts.length : part / total));
};

const sampleRatio = (
  perStretch: readonly (readonly number[])[],
  expected: readonly number[],
): Omit<SampleRatio, 'given'> => {
  const sofar = expected.map(() => 0);
  const looks = perStretch.map((row) => {
    row.forEach((count, arm) => (sofar[arm] = (sofar[arm] ?? 0) + count));
    return [...sofar];
  });
  const { pValue } = chiSquareTest(sofar, expected);
  const sequentialPValue = sequentialSplitPValue(looks, expected);
  return { pValue, sequentialPValue, alarm: Math.min(pValue, sequentialPValue) < sampleRatioAlarm };
};

const shortestRecentMs = 60_000;
/** Who was exposed before the window is in it from its first moment, and not new. */
const recentRate = async (tables: LogTables, from: number, to: number): Promise<number> => {
  const since = Math.max(from, to - recentMs);
  return ((await usersSince(tables, since)) / Math.max(shortestRecentMs, to - since)) * dayMs;
};

/** All comparisons of the report are one family. */
const correctAll = (metrics: readonly MetricAnalysis[], correction: Correction): MetricAnalysis[] => {
  const of = (pick: 'fixed' | 'sequential'): number[] =>
    corrected(
      metrics.flatMap(({ comparisons }) =>
        comparisons.flatMap((each) => (each.kind === 'measured' ? [each.best[pick].pValue] : [])),
      ),
      correction,
    );
  const [fixed, sequential] = [of('fixed'), of('sequential')];
  let at = 0;
  return metrics.map((metric) => ({
    ...metric,
    comparisons: metric.comparisons.map((each) => {
      if (each.kind !== 'measured') return each;
      const correctedP = { fixed: fixed[at] ?? 1, sequential: sequential[at] ?? 1 };
      at++;
      return { ...each, corrected: correctedP };
    }),
  }));
};
