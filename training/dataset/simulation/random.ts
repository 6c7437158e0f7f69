/** A stream of random numbers. Streams of different keys are independent, so nothing depends on who draws first. */
export interface Random {
  /** In [0, 1). */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** 0 to n - 1. */
  below(n: number): number;
  /** An index, with probability in proportion to its weight. */
  pick(weights: readonly number[]): number;
}

/** 32 bits of a key, by multiply and xor-shift (the finaliser of MurmurHash3). */
const mix = (hash: number, value: number): number => {
  let h = Math.imul(hash ^ value, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
};

const keyHash = (start: number, keys: readonly (number | string)[]): number => {
  let hash = start;
  for (const key of keys) {
    if (typeof key === 'number') hash = mix(hash, key);
    else for (let i = 0; i < key.length; i++) hash = mix(hash, key.charCodeAt(i));
    hash = mix(hash, 0x1f);
  }
  return hash;
};

/** The stream of a key under a seed: the same key always gives the same numbers. sfc32, started from two hashes of the key. */
export const randomOf = (seed: number, ...keys: readonly (number | string)[]): Random => {
  let a = keyHash(mix(0x243f6a88, seed), keys);
  let b = keyHash(mix(0x85a308d3, seed), keys);
  let c = mix(a, b);
  let counter = 1;
  const next = (): number => {
    const t = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    c |= 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  const uniform = (): number => next() / 2 ** 32;
  return {
    uniform,
    // Box-Muller, one of the pair: simple, and a stream stays a function of how many numbers were drawn.
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    chance: (probability) => uniform() < probability,
    below: (n) => Math.floor(uniform() * n),
    pick: (weights) => {
      let left = uniform() * weights.reduce((sum, weight) => sum + weight, 0);
      for (let i = 0; i < weights.length - 1; i++) {
        left -= weights[i] ?? 0;
        if (left < 0) return i;
      }
      return weights.length - 1;
    },
  };
};
