import type { SeededRandom } from '../../src/random.js';

export { mixSeeds, SeededRandom } from '../../src/random.js';

/** A random order of 0 .. n-1 (Fisher and Yates). */
export function permutation(n: number, random: SeededRandom): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const swapped = order[i] as number;
    order[i] = order[j] as number;
    order[j] = swapped;
  }
  return order;
}
