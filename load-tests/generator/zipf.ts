import type { SeededRandom } from '../../src/random.js';

/** Ranks 0 .. count-1 with chances proportional to 1 / (rank + 1)^exponent: a few are asked for often, most hardly ever. */
export interface Zipf {
  draw(random: SeededRandom): number;
  /** Different ranks; all of them if there are no more. */
  drawDistinct(count: number, random: SeededRandom): number[];
}

/** Exponent 0 makes all equally likely. */
export const createZipf = ({ count, exponent }: { readonly count: number; readonly exponent: number }): Zipf => {
  const cumulative = new Float64Array(count);
  let total = 0;
  for (let rank = 0; rank < count; rank++) cumulative[rank] = total += (rank + 1) ** -exponent;
  const draw = (random: SeededRandom): number => {
    const wanted = (random.next() / 2 ** 32) * total;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulative[middle] ?? 0) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  return {
    draw,
    drawDistinct: (wanted, random) => {
      const drawn = new Set<number>();
      // Popular ranks come again and again: after many misses the most popular of those left fill up.
      for (let tries = 0; drawn.size < Math.min(wanted, count) && tries < 20 * wanted; tries++) drawn.add(draw(random));
      for (let rank = 0; drawn.size < Math.min(wanted, count); rank++) drawn.add(rank);
      return [...drawn];
    },
  };
};
