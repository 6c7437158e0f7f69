/** A seeded source of 32-bit integers (sfc32): the same seeds give the same sequence on every machine. */
export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** Any number of seeds; each combination starts its own sequence. */
  constructor(...seeds: readonly number[]) {
    const mixed = mixSeeds(...seeds);
    this.#a = mixed;
    this.#b = mixSeeds(mixed, 0x9e3779b9);
    this.#c = mixSeeds(mixed, 0x243f6a88);
    for (let i = 0; i < 12; i++) this.next();
  }

  /** An integer in [0, 2^32). */
  next(): number {
    const result = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + result;
    this.#c |= 0;
    return result >>> 0;
  }

  /** An integer in [0, bound). The bias of the multiplication is below bound / 2^32. */
  below(bound: number): number {
    return Math.floor((this.next() / 0x100000000) * bound);
  }
}

/** One 32-bit seed from several (murmur3's mixing). */
export function mixSeeds(...seeds: readonly number[]): number {
  let hash = 0x2545f491;
  for (const seed of seeds) {
    hash = scramble(hash ^ scramble(seed | 0));
    // Seeds beyond 32 bits differ in their high part.
    hash = scramble((hash + Math.floor(seed / 0x100000000)) | 0);
  }
  return hash >>> 0;
}

function scramble(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) | 0;
}
