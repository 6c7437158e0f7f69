import type { TunedPoint } from './points.js';
import { pessimistic } from './search.js';
import type { Estimate, ListMetric } from './types.js';

/** Part of what the current weights bring that a choice may cost, should it be a standard error worse than it looks. */
const harm = 0.005;

/**
 * Of points that lower neither measure, even if a standard error worse than they look, the one whose gains are largest: less
 * that error, as parts of what the current weights bring. Undefined if none gains anything. Looks at what the search saw, so
 * that what is judged afterwards owes nothing to having been chosen.
 */
export const chooseWeights = (
  points: readonly TunedPoint[],
  { current, signs }: { readonly current: TunedPoint | undefined; readonly signs: readonly [number, number] },
): TunedPoint | undefined => {
  const scales = current?.values.map(({ value }) => Math.abs(value) || 1) ?? [1, 1];
  let best: { readonly point: TunedPoint; readonly gain: number } | undefined;
  for (const point of points) {
    const gains = pessimistic(point, signs).map((gain, at) => gain / (scales[at] ?? 1));
    const gain = gains.reduce((sum, one) => sum + one, 0);
    if (gains.every((one) => one >= -harm) && gain > (best?.gain ?? 0)) best = { point, gain };
  }
  return best?.point;
};

export interface VerdictOptions {
  /** As judged on the other users. */
  readonly choice: TunedPoint | undefined;
  /** What would have been chosen, had support not mattered. */
  readonly wanted: TunedPoint | undefined;
  /** As judged on the other users. */
  readonly current: TunedPoint;
  readonly metrics: readonly [ListMetric, ListMetric];
  readonly signs: readonly [number, number];
}

/** Recommended is what the log supports, raises one measure beyond its interval and lowers the other not beyond its own. */
export const verdictOf = ({
  choice,
  wanted,
  current,
  metrics,
  signs,
}: VerdictOptions): { readonly recommended: boolean; readonly reasons: string[] } => {
  if (choice === undefined) {
    if (wanted === undefined || wanted.thin.length === 0)
      return {
        recommended: false,
        reasons:
          current.thin.length > 0
            ? current.thin.map((reason) => `The log says too little even of the current weights: ${reason}.`)
            : ['No weights that were tried raise one measure without lowering the other.'],
      };
    return {
      recommended: false,
      reasons: [
        'The log says too little of every other choice of weights that looks better.',
        ...wanted.thin.map((reason) => `Of the best looking one: ${reason}.`),
      ],
    };
  }
  if (choice.thin.length > 0)
    return { recommended: false, reasons: choice.thin.map((reason) => `The log says too little of it: ${reason}.`) };
  const sides = choice.gains.map((gain, at) => sideOf(gain, signs[at] ?? 1));
  const named = (at: number): string => metrics[at]?.name ?? '';
  const raised = sides.flatMap((side, at) => (side === 'better' ? [named(at)] : []));
  const lowered = sides.flatMap((side, at) => (side === 'worse' ? [named(at)] : []));
  if (lowered.length > 0)
    return { recommended: false, reasons: [`It makes ${lowered.join(' and ')} worse beyond the interval.`] };
  if (raised.length === 0)
    return {
      recommended: false,
      reasons: ['On users it was not searched on, it improves neither measure beyond its interval.'],
    };
  const others = sides.flatMap((side, at) =>
    side === 'even'
      ? [`${named(at)} may become worse by up to ${lossOf(choice.gains[at], signs[at] ?? 1)} per list`]
      : [],
  );
  return {
    recommended: true,
    reasons: [`It improves ${raised.join(' and ')} beyond the interval.`, ...others.map((text) => `${text}.`)],
  };
};

const sideOf = ({ low, high }: Estimate, sign: number): 'better' | 'worse' | 'even' => {
  const [least, most] = sign > 0 ? [low, high] : [-high, -low];
  return least > 0 ? 'better' : most < 0 ? 'worse' : 'even';
};

const lossOf = (gain: Estimate | undefined, sign: number): string =>
  (gain === undefined ? 0 : sign > 0 ? -gain.low : gain.high).toPrecision(2);
