import type { NoiseSpec } from '../../network/index.js';
import type { SeededRandom } from '../random.js';

/** How many values a noise input of this many requests and rows has. */
export const noiseSize = (spec: NoiseSpec, sizes: Readonly<Record<'requests' | 'rows', number>>): number =>
  spec.shape.reduce<number>(
    (size, dimension) => size * (typeof dimension === 'number' ? dimension : sizes[dimension]),
    1,
  );

/** Fills with 0 (a share `rate`, to 1/65536) and `kept`: two draws from every 32 random bits. */
export const fillNoise = (out: Float32Array, { rate, kept }: NoiseSpec, random: SeededRandom): void => {
  const threshold = Math.round(rate * 0x10000);
  for (let i = 0; i < out.length; i += 2) {
    const bits = random.next();
    out[i] = (bits & 0xffff) < threshold ? 0 : kept;
    // Writing past an odd end does nothing.
    out[i + 1] = bits >>> 16 < threshold ? 0 : kept;
  }
};

/** Cells of the bias tower with a share `rate` of them missing (-1). */
export const dropCells = (cells: Int32Array, rate: number, random: SeededRandom): Int32Array => {
  const threshold = rate * 0x100000000;
  return rate === 0 ? cells : cells.map((cell) => (random.next() < threshold ? -1 : cell));
};
