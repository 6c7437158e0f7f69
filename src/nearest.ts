import { distance } from 'fastest-levenshtein';

/** The allowed name closest to a mistyped one, if any is close enough to be what was meant. */
export const nearestName = (name: string, allowed: Iterable<string>): string | undefined => {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of allowed) {
    const apart = distance(name.toLowerCase(), candidate.toLowerCase());
    if (apart < bestDistance) [best, bestDistance] = [candidate, apart];
  }
  return best;
};

/** A hint for a name that is not allowed: the nearest one, else the whole list. */
export const nameHint = (name: string, allowed: readonly string[]): string => {
  const nearest = nearestName(name, allowed);
  const list = allowed.length === 0 ? 'none' : allowed.join(', ');
  return nearest === undefined ? `allowed: ${list}` : `did you mean ${nearest}? Allowed: ${list}`;
};
