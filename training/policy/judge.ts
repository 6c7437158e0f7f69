import { clipImportance } from './clip.js';
import { contributions, estimateMean, quotient, type Estimator } from './estimate.js';
import type { OutcomeModel } from './outcome.js';
import { supportOf, type Support } from './support.js';
import type { Estimate, ListMetric, LoggedLists } from './types.js';
import type { Target, Weigher } from './weigh.js';

export interface JudgeOptions {
  readonly lists: LoggedLists;
  readonly which: Int32Array;
  readonly weigher: Weigher;
  readonly weighting: 'place' | 'examined';
  /** By column. */
  readonly outcomes: readonly OutcomeModel[];
  readonly metrics: readonly ListMetric[];
  readonly estimator: Estimator;
  /** Weights count as this at most. */
  readonly clip: number;
  /** [places] */
  readonly examination: Float64Array;
}

/** Contributions of the lists to each metric under one target. */
export interface Judgement {
  readonly target: Target | 'named';
  /** By metric, each [which]. */
  readonly contributed: readonly Float64Array[];
  readonly support: Support;
  /** Part of all weight that the limit took away. */
  readonly clipped: number;
}

export const judge = (
  { lists, which, weigher, weighting, outcomes, metrics, estimator, clip, examination }: JudgeOptions,
  target: Target | 'named',
): Judgement => {
  const robust = estimator === 'dr' ? outcomes : [];
  const { importance, expected } = weigher.weigh(target, which, { weighting, outcomes: robust });
  const limited = clipImportance(importance, clip);
  const ofColumn = (column: number): Float64Array => {
    const [outcome, values] = [robust[column], expected[column]];
    return contributions(estimator, {
      lists,
      which,
      importance: limited.importance,
      column,
      ...(outcome !== undefined && values !== undefined && { model: { outcome, expected: values } }),
    });
  };
  return {
    target,
    contributed: metrics.map(({ total, per }) =>
      per === undefined ? ofColumn(total) : quotient(ofColumn(total), ofColumn(per)),
    ),
    support: supportOf(lists, { which, importance, examination, placeChances: weigher.placeChances(which) }),
    clipped: limited.share,
  };
};

/** What a target brings, and what more than another: of the same lists, so that what is alike cancels. */
export interface Compared {
  readonly values: readonly Estimate[];
  readonly gains: readonly Estimate[];
}

export const compare = (judged: Judgement, base: Judgement, { lists, which }: JudgeOptions): Compared => ({
  values: judged.contributed.map((contributed) => estimateMean(contributed, { lists, which })),
  gains: judged.contributed.map((contributed, metric) => {
    const before = base.contributed[metric] as Float64Array;
    return estimateMean(
      contributed.map((value, at) => value - (before[at] as number)),
      { lists, which },
    );
  }),
});
