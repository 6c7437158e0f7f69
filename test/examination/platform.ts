import type { SwapOutcome } from '../../training/examination/index.js';
import { SeededRandom } from '../../training/fit/random.js';

/** The truth of the simulated platform: P(looked at) by position, as far as `positions` go. */
export const truth = (position: number): number => position ** -0.7;

export interface Draw {
  readonly uniform: () => number;
  readonly below: (n: number) => number;
}

export const drawOf = (...seeds: number[]): Draw => {
  const random = new SeededRandom(...seeds);
  return { uniform: () => random.next() / 2 ** 32, below: (n) => random.below(n) };
};

export interface SwapLog {
  readonly seed: number;
  readonly requests: number;
  readonly positions: number;
  /** Requests per user: what they have in common makes their outcomes depend on each other. */
  readonly perUser?: number;
}

/**
 * Outcomes of requests in which a swap was drawn. The order is good: what stands first is more relevant than what stands
 * below, so that outcomes by position alone would not tell examination. Users differ in how readily they click.
 */
export function* swapLog({ seed, requests, positions, perUser = 4 }: SwapLog): Generator<SwapOutcome> {
  const { uniform, below } = drawOf(seed, 11);
  let eagerness = 1;
  for (let request = 0; request < requests; request++) {
    if (request % perUser === 0) eagerness = 0.4 + 1.2 * uniform();
    const position = 2 + below(positions - 1);
    const swapped = uniform() < 0.5;
    const [best, other] = [0.5 * eagerness, (0.5 * eagerness) / (1 + 0.3 * position)];
    const [atFirst, atPosition] = swapped ? [other, best] : [best, other];
    yield {
      cluster: `u${Math.floor(request / perUser)}`,
      position,
      swapped,
      first: uniform() < truth(1) * atFirst ? 1 : 0,
      there: uniform() < truth(position) * atPosition ? 1 : 0,
    };
  }
}
