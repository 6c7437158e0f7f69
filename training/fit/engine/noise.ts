import type { NoiseSpec } from '../../network/index.js';
import { SeededRandom } from '../random.js';

/** How many places a window of noise can begin at. */
const windows = 2 ** 20;

/** How many values a noise input of this many requests and rows has. */
export const noiseSize = (spec: NoiseSpec, sizes: Readonly<Record<'requests' | 'rows', number>>): number =>
  spec.shape.reduce<number>(
    (size, dimension) => size * (typeof dimension === 'number' ? dimension : sizes[dimension]),
    1,
  );

/**
 * Noise for every step: windows into one long seeded sequence per rate, beginning where the step's seed says. Drawing
 * each step's values anew costs more than a tenth of the step (3.5 million for dropout in eight experts: 20 ms).
 *
 * The answer holds 0 (a share `rate`, to 1/65536) and `kept`; it must be read, not written.
 */
export const createNoise = (): ((spec: NoiseSpec, size: number, random: SeededRandom) => Float32Array) => {
  const sequences = new Map<string, Float32Array>();
  return (spec, size, random) => {
    const key = `${spec.rate}/${spec.kept}`;
    let sequence = sequences.get(key);
    if (sequence === undefined || sequence.length < size + windows) {
      sequence = new Float32Array(size + windows);
      // A longer sequence begins with the shorter one, so that windows do not depend on the batches before.
      fillNoise(sequence, spec, new SeededRandom(spec.rate, spec.rate * 2 ** 32));
      sequences.set(key, sequence);
    }
    const begin = random.below(windows);
    return sequence.subarray(begin, begin + size);
  };
};

/** Two values from every 32 random bits. */
const fillNoise = (out: Float32Array, { rate, kept }: NoiseSpec, random: SeededRandom): void => {
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
