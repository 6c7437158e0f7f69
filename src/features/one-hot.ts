import type { EncodeNumbers } from './feature.js';

/** Raw values are indices: sets that one of `width` columns; NaN and what is out of range set none. */
export function oneHot(width: number): EncodeNumbers {
  return (values, count, { out, stride, offset }) => {
    for (let i = 0; i < count; i++) {
      const index = values[i] ?? Number.NaN;
      if (index >= 0 && index < width) out[i * stride + offset + index] = 1;
    }
  };
}
