/**
 * GrowthBook's bucketing once more, from its description: 32-bit FNV-1a over the text's UTF-16 units, twice for version 2. Tests compute with
 * it where the product's arms must lie.
 */
const fnv1a = (text: string): number => {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
  return hash;
};

/** From 0 (with) to 1 (without). */
export const bucketOf = (seed: string, user: string, version: 1 | 2): number =>
  version === 1 ? (fnv1a(user + seed) % 1000) / 1000 : (fnv1a(String(fnv1a(seed + user))) % 10_000) / 10_000;

export const layerPlace = (layer: string, user: string): number => bucketOf(`__${layer}`, user, 1);
