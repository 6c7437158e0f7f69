import { clipImportance } from './clip.js';
import { contributions, estimateMean, estimators, quotient, type Estimator } from './estimate.js';
import { orderImportance } from './orders.js';
import { examinationOf, fitOutcome, headBasis } from './outcome.js';
import { supportOf, thinness, type Support, type SupportLimits } from './support.js';
import type { Estimate, LoggedLists, Weighting } from './types.js';
import { createWeigher, type Target, type Weighed } from './weigh.js';

export interface EvaluateOptions {
  readonly lists: LoggedLists;
  /** `named`: the target whose chances the log gives. */
  readonly target: Target | 'named';
  /** All if left out. */
  readonly which?: Int32Array;
  /** By task: the task whose outcome this one waits for. */
  readonly waits: readonly (number | undefined)[];
  readonly seed: number;
  /** Weights count as this at most; 100 if left out. */
  readonly clip?: number;
  /** By what a reward may depend on; those that the log can give if left out. */
  readonly weightings?: readonly Weighting[];
  /** Races per list for what of the target is noise; 4 if left out. */
  readonly draws?: number;
  readonly limits?: Partial<SupportLimits>;
}

/** One estimate of what a target brings per list. */
export interface PolicyEstimate {
  readonly metric: string;
  readonly estimator: Estimator;
  readonly weighting: Weighting;
  readonly estimate: Estimate;
  /** More than what the log’s own policy brought, on the same lists. */
  readonly gain: Estimate;
  /** What the limit on weights takes off the estimate, as far as the log tells. */
  readonly clipBias: number;
}

export interface WeightingSupport extends Support {
  readonly weighting: Weighting;
  /** Why the log says too little; empty if it says enough. */
  readonly thin: readonly string[];
}

export interface PolicyEvaluation {
  readonly support: readonly WeightingSupport[];
  /** By metric: what the log’s own policy brought. */
  readonly logged: readonly { readonly metric: string; readonly estimate: Estimate }[];
  readonly estimates: readonly PolicyEstimate[];
}

/** Estimates one target by every estimator and weighting that the log can give, side by side. */
export const evaluatePolicy = (options: EvaluateOptions): PolicyEvaluation => {
  const { lists, target, waits, seed, clip = 100, draws = 4, limits = {} } = options;
  const which = options.which ?? Int32Array.from({ length: lists.count }, (_, list) => list);
  const weightings = options.weightings ?? possibleWeightings(lists, target);
  const basis = headBasis(lists, waits);
  const outcomes = lists.rewards.map((_, column) => fitOutcome(lists, { which, column, basis }));
  const examination = examinationOf(outcomes, lists.places);
  const orders =
    target !== 'named' && weightings.some((weighting) => weighting === 'list' || weighting === 'prefix')
      ? orderImportance(lists, target, which)
      : undefined;
  const ones = new Float64Array(lists.slotRow.length).fill(1);
  const interval = { lists, which };
  const ofMetric = (metric: LoggedLists['metrics'][number], column: (column: number) => Float64Array): Float64Array =>
    metric.per === undefined ? column(metric.total) : quotient(column(metric.total), column(metric.per));
  const onPolicy = lists.metrics.map((metric) =>
    ofMetric(metric, (column) => contributions('ips', { lists, which, importance: ones, column })),
  );

  const weigher = createWeigher(lists, { seed, examination, draws });
  const modelled = target !== 'named' || namesEveryCandidate(lists, which);
  const support: WeightingSupport[] = [];
  const estimates: PolicyEstimate[] = [];
  for (const weighting of weightings) {
    const byOrder = weighting === 'list' || weighting === 'prefix';
    const weighed: Weighed =
      byOrder && orders !== undefined
        ? { importance: orders[weighting], expected: [] }
        : weigher.weigh(target, which, { weighting: weighting === 'examined' ? weighting : 'place', outcomes });
    const { importance, expected } = weighed;
    const limited = clipImportance(importance, clip);
    const supported = supportOf(lists, { which, importance, examination, placeChances: weigher.placeChances(which) });
    support.push({ weighting, ...supported, thin: thinness(supported, limits) });
    for (const estimator of byOrder || !modelled ? (['ips', 'snips'] as const) : estimators) {
      lists.metrics.forEach((metric, at) => {
        const with_ = (weights: Float64Array): Float64Array =>
          ofMetric(metric, (column) => {
            const [outcome, values] = [outcomes[column], expected[column]];
            const model = outcome === undefined || values === undefined ? undefined : { outcome, expected: values };
            return contributions(estimator, {
              ...{ lists, which, importance: weights, column },
              ...(estimator === 'dr' && model !== undefined && { model }),
            });
          });
        const contributed = with_(limited.importance);
        const estimate = estimateMean(contributed, interval);
        const before = onPolicy[at] as Float64Array;
        const gain = estimateMean(
          contributed.map((value, list) => value - (before[list] as number)),
          interval,
        );
        const clipBias = limited.share === 0 ? 0 : estimate.value - estimateMean(with_(importance), interval).value;
        estimates.push({ metric: metric.name, estimator, weighting, estimate, gain, clipBias });
      });
    }
  }
  const logged = lists.metrics.map(({ name }, at) => ({
    metric: name,
    estimate: estimateMean(onPolicy[at] as Float64Array, interval),
  }));
  return { support, logged, estimates };
};

/** Chances of orders and exposures need the policy that drew the lists; a log that only gives chances has those of places. */
const possibleWeightings = (lists: LoggedLists, target: Target | 'named'): readonly Weighting[] =>
  target === 'named' || lists.policyOf.includes(-1) ? ['place'] : ['list', 'prefix', 'place', 'examined'];

/** Whether the chances under a named target add up to 1 in each list: only then is it known what else it would have shown. */
const namesEveryCandidate = ({ rowStart, targetChance }: LoggedLists, which: Int32Array): boolean =>
  which.every((list) => {
    let sum = 0;
    for (let row = rowStart[list] as number; row < (rowStart[list + 1] as number); row++)
      sum += targetChance[row] as number;
    return Math.abs(sum - 1) < 1e-3;
  });
