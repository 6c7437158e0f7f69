import { compare, judge, type JudgeOptions, type Judgement } from './judge.js';
import { thinness, type Support, type SupportLimits } from './support.js';
import type { Estimate, ListPolicy, Variation } from './types.js';
import type { Target } from './weigh.js';

/** Weights with what they bring: engagement, then satisfaction. */
export interface TunedPoint {
  readonly weights: readonly number[];
  readonly values: readonly [Estimate, Estimate];
  /** More than the current weights, on the same lists. */
  readonly gains: readonly [Estimate, Estimate];
  readonly support: Support;
  /** Why the log says too little of it; empty if it says enough. */
  readonly thin: readonly string[];
  /** Part of all weight that the limit on weights took away. */
  readonly clipped: number;
}

export interface PointOptions {
  readonly judging: JudgeOptions;
  readonly current: readonly number[];
  readonly form: ListPolicy['form'];
  readonly variation: Variation | undefined;
  readonly limits: Partial<SupportLimits>;
}

/** The target that weights are, with what is random in it. */
export const targetOf = (
  weights: readonly number[],
  { form, variation }: Pick<PointOptions, 'form' | 'variation'>,
): Target => ({ weights, form, ...(variation !== undefined && { variation }) });

/** Judges weights on one set of lists, each beside the current ones. */
export const pointJudge = (options: PointOptions): ((weights: readonly number[]) => TunedPoint) => {
  const { judging, limits } = options;
  let current: Judgement | undefined;
  return (weights) => {
    current ??= judge(judging, targetOf(options.current, options));
    const found = judge(judging, targetOf(weights, options));
    const { values, gains } = compare(found, current, judging);
    return {
      weights,
      values: values as [Estimate, Estimate],
      gains: gains as [Estimate, Estimate],
      support: found.support,
      thin: thinness(found.support, limits),
      clipped: found.clipped,
    };
  };
};
