/**
 * 64-bit hashes of ids, as (high, low) pairs of unsigned 32-bit words. They name embedding rows and state cells and are
 * stored in artefacts, so the function never changes.
 *
 * Two 32-bit lanes run over the UTF-16 code units, each step a bijection of its lane, and are mixed into each other at the
 * end by bijections of the pair: two texts collide only where both lanes do. (0, 0) is never answered: tables may use it.
 */
export function hashText(text: string, out: Uint32Array, at: number): void {
  let a = 0x9e3779b9;
  let b = 0x3c6ef372 ^ text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0xcc9e2d51);
    a = (a << 13) | (a >>> 19);
    b = Math.imul(b ^ unit, 0x1b873593);
    b = (b << 17) | (b >>> 15);
  }
  finish(a, b, out, at);
}

/** Hash of an ordered pair of hashes, for state that is keyed by two fields. `out` may be the array they lie in. */
export function combineHashes(pairs: Uint32Array, out: Uint32Array, at: number): void {
  // Not by destructuring: that walks an iterator, once for every outcome and row.
  const high1 = pairs[0] ?? 0;
  const low1 = pairs[1] ?? 0;
  const high2 = pairs[2] ?? 0;
  const low2 = pairs[3] ?? 0;
  const a = Math.imul(((high1 << 15) | (high1 >>> 17)) ^ high2, 0xcc9e2d51);
  const b = Math.imul(((low1 << 13) | (low1 >>> 19)) ^ low2, 0x1b873593);
  finish(a, b, out, at);
}

/** Hash of an id; a number hashes as its decimal text, so 7 and '7' are the same id. */
export function hashId(value: string | number): [high: number, low: number] {
  const out = new Uint32Array(2);
  hashText(String(value), out, 0);
  return [out[0] ?? 0, out[1] ?? 0];
}

function finish(laneA: number, laneB: number, out: Uint32Array, at: number): void {
  let a = (laneA + laneB) | 0;
  let b = (laneB + Math.imul(a, 0x85ebca6b)) | 0;
  a = mix(a);
  b = mix((b + a) | 0);
  if (a === 0 && b === 0) b = 1;
  out[at] = a;
  out[at + 1] = b;
}

/** The finaliser of MurmurHash3 (Appleby, public domain): every input bit reaches every output bit. */
function mix(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
