import { evenly, paretoFront } from './front.js';
import type { TunedPoint } from './points.js';
import { haltonPoint, sameSpread, type WeightSpace } from './space.js';

export interface SearchOptions {
  readonly space: WeightSpace;
  /** How far apart scores are under weights. */
  readonly spread: (weights: readonly number[]) => number;
  readonly tries: number;
  readonly evaluate: (weights: readonly number[]) => TunedPoint;
  /** 1 where more of a measure is better, -1 where less is. */
  readonly signs: readonly [number, number];
  readonly onTry?: (done: number) => void;
}

/** Of the tries, those that look around the best so far; in rounds, ever closer. */
const refined = 0.4;
const reaches = [0.2, 0.1, 0.05] as const;
/** How many of the best are looked around. */
const centres = 8;

/**
 * Tries weights: the current ones, then evenly over the bounds (Halton), then around the front of those, for each in turn. All
 * in the order of the tries. What can be known of a point decides, not what it might be: see {@link pessimistic}.
 */
export const searchWeights = ({ space, spread, tries, evaluate, signs, onTry }: SearchOptions): TunedPoint[] => {
  const points: TunedPoint[] = [];
  const attempt = (weights: readonly number[]): void => {
    points.push(evaluate(sameSpread(weights, { space, spread })));
    onTry?.(points.length);
  };
  points.push(evaluate(space.current));
  onTry?.(1);
  const free = space.bounds.flatMap(([low, high], task) => (high > low ? [task] : []));
  if (free.length === 0) return points;
  const place = (centre: readonly number[], unit: readonly number[], reach: number): number[] =>
    centre.map((weight, task) => {
      const [low, high] = space.bounds[task] ?? [weight, weight];
      const at = free.indexOf(task);
      if (at < 0) return weight;
      return Math.min(high, Math.max(low, weight + reach * (high - low) * (2 * (unit[at] ?? 0.5) - 1)));
    });
  const middle = space.bounds.map(([low, high]) => (low + high) / 2);
  const spreadTries = Math.ceil((tries - 1) * (1 - refined));
  for (let number = 0; number < spreadTries; number++) attempt(place(middle, haltonPoint(number, free.length), 0.5));
  reaches.forEach((reach, round) => {
    const known = points.filter(({ thin }) => thin.length === 0);
    const front = paretoFront(known.length > 0 ? known : points, (point) => pessimistic(point, signs));
    const around = evenly(front, centres);
    const until = spreadTries + 1 + Math.round(((tries - 1 - spreadTries) * (round + 1)) / reaches.length);
    for (let number = 0; points.length < until; number++) {
      const centre = around[number % around.length]?.weights ?? space.current;
      attempt(place(centre, haltonPoint(spreadTries + points.length, free.length), reach));
    }
  });
  return points;
};

/**
 * Gains over the current weights, larger is better, less one standard error each: the best of many uncertain points is most of
 * all the luckiest.
 */
export const pessimistic = ({ gains }: TunedPoint, signs: readonly [number, number]): [number, number] => [
  signs[0] * gains[0].value - gains[0].error,
  signs[1] * gains[1].value - gains[1].error,
];
