import type { MetricRule } from '../../src/definition/index.js';
import { places, type Measured } from './measure.js';
import {
  adjust,
  difference,
  fixedInterval,
  fixedPValue,
  guardrail,
  lift,
  ratioEstimate,
  sequentialInterval,
  sequentialPValue,
  type Effect,
  type Estimate,
  type Guardrail,
  type Interval,
  type Moments,
} from './statistics/index.js';

/** An effect with what is known of it: for one look, and for any number of looks. */
export interface Judged {
  readonly value: number;
  readonly standardError: number;
  readonly fixed: { readonly interval: Interval; readonly pValue: number };
  readonly sequential: { readonly interval: Interval; readonly pValue: number };
}

/** An arm against the control in one metric. */
export type Comparison =
  | {
      readonly arm: string;
      readonly kind: 'measured';
      /** In the metric's unit. */
      readonly absolute: Judged;
      /** As a part of the control's mean; undefined where that cannot be told from 0. */
      readonly relative: Judged | undefined;
      /** The same after CUPED, relative where `relative` is; undefined where nothing is known of the time before. */
      readonly adjusted: Judged | undefined;
      /** What is judged by: adjusted, else relative, else absolute. */
      readonly best: Judged;
      readonly unit: 'relative' | 'absolute';
      /** Over all metrics and arms of the report. */
      readonly corrected: { readonly fixed: number; readonly sequential: number };
      readonly guardrail: Guardrail | undefined;
      /** Users of both arms. */
      readonly users: readonly [control: number, arm: number];
    }
  | {
      readonly arm: string;
      readonly kind: 'silent';
      /** For people: why there are no numbers. */
      readonly because: string;
    };

export interface MetricAnalysis {
  readonly rule: MetricRule;
  /** The control first; `estimate` is undefined where there are too few users or nothing to divide by. */
  readonly arms: readonly {
    readonly arm: string;
    readonly users: number;
    readonly mean: number | undefined;
    readonly standardError: number | undefined;
  }[];
  /** Part of the variance that the time before explains, if it does. */
  readonly explained: number | undefined;
  readonly comparisons: readonly Comparison[];
  /** Effects as they were known at the end of each stretch, in the unit of the last comparison. */
  readonly series: readonly { readonly arm: string; readonly points: readonly SeriesPoint[] }[];
}

export interface SeriesPoint {
  /** End of the stretch. */
  readonly time: number;
  readonly value: number;
  readonly fixed: Interval;
  readonly sequential: Interval;
}

export interface CompareOptions {
  readonly rule: MetricRule;
  readonly measured: Measured;
  /** The control first. */
  readonly arms: readonly string[];
  readonly from: number;
  readonly to: number;
  readonly stretchMs: number;
  readonly alpha: number;
  readonly tunedFor: number;
}

type Level = Pick<CompareOptions, 'alpha' | 'tunedFor'>;

/** Everything that is said of one metric. Pure. */
export const compareMetric = (options: CompareOptions): MetricAnalysis => {
  const { rule, measured, arms } = options;
  const final = measured.at(-1) ?? [];
  const estimates = final.map(plainEstimate);
  const adjusted = adjust(final, places);
  const comparisons = arms.slice(1).map((arm, index): Comparison => {
    const place = index + 1;
    const because = whySilent(rule, arms, final, place);
    const [control, other] = [estimates[0], estimates[place]];
    if (because !== undefined || control === undefined || other === undefined)
      return { arm, kind: 'silent', because: because ?? 'there is nothing to compare' };
    const [controlAdjusted, otherAdjusted] = [adjusted?.estimates[0], adjusted?.estimates[place]];
    return compare({
      arm,
      pair: [control, other],
      adjusted: controlAdjusted && otherAdjusted ? [controlAdjusted, otherAdjusted] : undefined,
      rule,
      level: options,
    });
  });
  return {
    rule,
    arms: arms.map((arm, place) => {
      const estimate = estimates[place];
      const error = estimate === undefined ? undefined : Math.sqrt(estimate.variance);
      return { arm, users: final[place]?.users ?? 0, mean: estimate?.value, standardError: error };
    }),
    explained: adjusted?.explained,
    comparisons,
    series: comparisons.flatMap((comparison, index) =>
      comparison.kind === 'silent'
        ? []
        : [{ arm: comparison.arm, points: seriesOf(options, index + 1, comparison.unit) }],
    ),
  };
};

const plainEstimate = (moments: Moments): Estimate | undefined =>
  ratioEstimate(moments, places.numerator, places.denominator);

type Pair = readonly [control: Estimate, arm: Estimate];

const compare = (given: {
  readonly arm: string;
  readonly pair: Pair;
  readonly adjusted: Pair | undefined;
  readonly rule: MetricRule;
  readonly level: Level;
}): Comparison => {
  const { arm, pair, adjusted, rule, level } = given;
  const relativeEffect = lift(...pair);
  const unit = relativeEffect === undefined ? 'absolute' : 'relative';
  const effectOf = (estimates: Pair): Effect =>
    (unit === 'relative' ? lift(...estimates) : undefined) ?? difference(...estimates);
  const absolute = judge(difference(...pair), level);
  const relative = relativeEffect === undefined ? undefined : judge(relativeEffect, level);
  const usable = adjusted !== undefined && (unit === 'absolute' || lift(...adjusted) !== undefined);
  const better = usable ? effectOf(adjusted) : undefined;
  const { guardrail: margin, direction } = rule;
  const rail =
    margin === undefined || unit === 'absolute'
      ? undefined
      : guardrail(better ?? effectOf(pair), { ...level, margin, direction });
  const judgedBetter = better === undefined || better.standardError === 0 ? undefined : judge(better, level);
  const best = judgedBetter ?? relative ?? absolute;
  return {
    arm,
    kind: 'measured',
    absolute,
    relative,
    adjusted: judgedBetter,
    best,
    unit,
    corrected: { fixed: best.fixed.pValue, sequential: best.sequential.pValue },
    guardrail: rail,
    users: [pair[0].users, pair[1].users],
  };
};

const judge = (effect: Effect, { alpha, tunedFor }: Level): Judged => ({
  value: effect.value,
  standardError: effect.standardError,
  fixed: { interval: fixedInterval(effect, alpha), pValue: fixedPValue(effect) },
  sequential: {
    interval: sequentialInterval(effect, { alpha, tunedFor }),
    pValue: sequentialPValue(effect, { alpha, tunedFor }),
  },
});

const denominatorNames = { user: 'user', request: 'list', impression: 'shown item', event: 'such feedback' } as const;

/** Why an arm cannot be compared with the control; undefined if it can. */
const whySilent = (
  rule: MetricRule,
  arms: readonly string[],
  moments: readonly Moments[],
  place: number,
): string | undefined => {
  const both = [0, place];
  for (const each of both) {
    const users = moments[each]?.users ?? 0;
    if (users < 2)
      return `${arms[each] ?? ''} has ${users === 1 ? 'one user' : 'no users'}, and it takes two to see how users vary`;
  }
  for (const each of both)
    if (!((moments[each]?.means[places.denominator] ?? 0) > 0))
      return `${arms[each] ?? ''} has no ${denominatorNames[rule.per]} yet`;
  const pair = both.map((each) => moments[each]).flatMap((each) => (each === undefined ? [] : [each]));
  if (pair.every(({ means }) => means[places.numerator] === 0))
    return `nothing that it counts (${rule.of.join(', ')}) has happened in either arm`;
  const vary = pair.some((each) => (plainEstimate(each)?.variance ?? 0) > 0);
  return vary ? undefined : 'all users of an arm have the same value, so chance cannot be judged';
};

/** From the first stretch on at which both arms can be compared. */
const seriesOf = (options: CompareOptions, place: number, unit: 'relative' | 'absolute'): SeriesPoint[] => {
  const { measured, from, to, stretchMs, rule, arms } = options;
  return measured.flatMap((moments, stretch): SeriesPoint[] => {
    if (whySilent(rule, arms, moments, place) !== undefined) return [];
    const adjusted = adjust(moments, places)?.estimates;
    const [control, arm] = [0, place].map((each) => {
      const plain = moments[each];
      return adjusted?.[each] ?? (plain === undefined ? undefined : plainEstimate(plain));
    });
    if (control === undefined || arm === undefined) return [];
    const effect = unit === 'relative' ? lift(control, arm) : difference(control, arm);
    if (effect === undefined || effect.standardError === 0) return [];
    const { value, fixed, sequential } = judge(effect, options);
    const time = Math.min(to, from + (stretch + 1) * stretchMs);
    return [{ time, value, fixed: fixed.interval, sequential: sequential.interval }];
  });
};
