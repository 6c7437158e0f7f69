import { studentQuantile } from '../experiments/index.js';
import type { SwapEstimate, SwapOutcome } from './types.js';

export interface SwapOptions {
  /** Estimates are for positions 2 to this; later ones count as this one. */
  readonly positions: number;
  /** How far the interval may reach from the estimate, as a factor less 1, until no more swaps are asked for: 0.2. */
  readonly precision?: number;
}

/** Positives (of the outcome, of any size) that each place must have had before a ratio is formed. */
const leastOutcomes = 5;
const standardPrecision = 0.2;

/**
 * Examination by position from randomised pairs (RandPair: Joachims, Swaminathan and Schnabel, WSDM 2017). In a request that
 * drew position k its item changes places with the first or not, by a fair coin. Either item is then at either place equally
 * often, so by the position-based model, E(outcome) = theta_place * relevance, the relevance cancels:
 *
 *   theta_k / theta_1 = E(outcome at k) / E(outcome at 1),  E = half the mean where swapped, half that where not
 *
 * The interval is exp(log ratio ± t * se); se by the delta method, with the users as independent clusters, degrees one less
 * than they are.
 */
export const examinationBySwaps = (
  outcomes: Iterable<SwapOutcome>,
  { positions, precision = standardPrecision }: SwapOptions,
): SwapEstimate[] => {
  const pairs = Array.from({ length: positions - 1 }, (): SwapOutcome[] => []);
  for (const outcome of outcomes) {
    if (Number.isNaN(outcome.first) && Number.isNaN(outcome.there)) continue;
    pairs[Math.min(outcome.position, positions) - 2]?.push(outcome);
  }
  const all = pairs.flat();
  const rate = meanOf(all.flatMap(({ first, there }) => [first, there]).filter((value) => !Number.isNaN(value)));
  return pairs.map((ofPosition, index) => {
    const there = place(ofPosition, (pair) => pair.there);
    const first = place(ofPosition, (pair) => pair.first);
    const counted = {
      position: index + 2,
      requests: ofPosition.length,
      outcomes: { there: there.sum, first: first.sum },
    };
    const spread = spreadOf(ofPosition, there, first);
    const wished = Math.log(1 + precision);
    if (spread === undefined) return { ...counted, missing: firstGuess(rate, wished, ofPosition.length) };
    const { logRatio, halfWidth } = spread;
    const needed = Math.ceil(ofPosition.length * (halfWidth / wished) ** 2);
    return {
      ...counted,
      estimate: {
        ratio: Math.exp(logRatio),
        interval: [Math.exp(logRatio - halfWidth), Math.exp(logRatio + halfWidth)],
      },
      missing: Math.max(0, needed - ofPosition.length),
    };
  });
};

/** What was seen at one place of the pairs. */
interface Place {
  readonly sum: number;
  readonly positives: number;
  /** Half the mean where swapped and half that where not; NaN if one of them is unknown. */
  readonly mean: number;
  /** How the mean moves with one pair, times its share of it: the influences sum to 0. */
  readonly influence: (pair: SwapOutcome) => number;
}

const place = (pairs: readonly SwapOutcome[], of: (pair: SwapOutcome) => number): Place => {
  const half = (changed: boolean): Half => {
    const known = pairs.filter((pair) => pair.swapped === changed && !Number.isNaN(of(pair))).map(of);
    return { known, mean: meanOf(known) };
  };
  const [swapped, kept] = [half(true), half(false)];
  return {
    sum: sumOf(swapped.known) + sumOf(kept.known),
    positives: [...swapped.known, ...kept.known].filter((value) => value > 0).length,
    mean: (swapped.mean + kept.mean) / 2,
    influence: (pair) => {
      const { known, mean } = pair.swapped ? swapped : kept;
      const value = of(pair);
      return Number.isNaN(value) ? 0 : (value - mean) / (2 * known.length);
    },
  };
};

interface Half {
  readonly known: readonly number[];
  readonly mean: number;
}

const spreadOf = (
  pairs: readonly SwapOutcome[],
  there: Place,
  first: Place,
): { readonly logRatio: number; readonly halfWidth: number } | undefined => {
  if (Math.min(there.positives, first.positives) < leastOutcomes) return undefined;
  if (!(there.mean > 0 && first.mean > 0)) return undefined;
  const clusters = new Map<string, number>();
  for (const pair of pairs) {
    const moved = there.influence(pair) / there.mean - first.influence(pair) / first.mean;
    clusters.set(pair.cluster, (clusters.get(pair.cluster) ?? 0) + moved);
  }
  const count = clusters.size;
  if (count < 2) return undefined;
  const squares = [...clusters.values()].reduce((sum, moved) => sum + moved ** 2, 0);
  const standardError = Math.sqrt((squares * count) / (count - 1));
  return { logRatio: Math.log(there.mean / first.mean), halfWidth: studentQuantile(0.975, count - 1) * standardError };
};

/**
 * Where there is no ratio yet: what would be needed if both places had the mean outcome of all pairs and it were 0 or 1, for
 * which the variance of the log ratio is 2 (1 - p) / (n p).
 */
const firstGuess = (rate: number, wished: number, requests: number): number | undefined => {
  if (!(rate > 0)) return undefined;
  const p = Math.min(rate, 1);
  const needed = Math.ceil((2 * (1 - p) * studentQuantile(0.975, Infinity) ** 2) / (p * wished ** 2));
  return Math.max(1, needed - requests);
};

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
const meanOf = (values: readonly number[]): number => sumOf(values) / values.length;
