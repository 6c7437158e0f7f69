import type { RowInit } from './types.js';

/** A row's first numbers come from a hash of these and of the column: no generator state, no order of arrival. */
export interface RowSeed {
  readonly seed: number;
  readonly epoch: number;
  readonly high: number;
  readonly low: number;
}

/** Writes the row's initial numbers into out[at .. at + dim). */
export function seedRow(
  { seed, epoch, high, low }: RowSeed,
  init: RowInit,
  { out, at, dim }: { out: Float32Array; at: number; dim: number },
): void {
  const first = mix(mix(seed ^ 0x243f6a88) ^ mix(high + Math.imul(epoch, 0x9e3779b1)));
  const second = mix(mix(low ^ 0x13198a2e) + first);
  if (init.kind === 'uniform') {
    const widest = Math.sqrt(3) * init.deviation;
    for (let column = 0; column < dim; column += 1) out[at + column] = (2 * unit(first, second, column) - 1) * widest;
    return;
  }
  // Box-Muller: two uniform draws give two normal ones.
  for (let column = 0; column < dim; column += 2) {
    const radius = init.deviation * Math.sqrt(-2 * Math.log(unit(first, second, column)));
    const angle = 2 * Math.PI * unit(first, second, column + 1);
    out[at + column] = radius * Math.cos(angle);
    if (column + 1 < dim) out[at + column + 1] = radius * Math.sin(angle);
  }
}

/** The draw-th uniform number between 0 and 1, both excluded. */
function unit(first: number, second: number, draw: number): number {
  return (mix(mix(first + Math.imul(draw, 0x9e3779b1)) ^ second) + 0.5) / 2 ** 32;
}

/** A 32-bit finaliser: every input bit flips every output bit with a chance near one half. */
export function mix(value: number): number {
  let word = value | 0;
  word = Math.imul(word ^ (word >>> 16), 0x21f0aaad);
  word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
  return (word ^ (word >>> 15)) >>> 0;
}
