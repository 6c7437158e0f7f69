export type Correction = 'benjamini-hochberg' | 'holm' | 'none';

/**
 * P-values corrected for being several, in the order given: below alpha, at most that share of the findings is false
 * (Benjamini-Hochberg), or none is with that certainty (Holm).
 */
export const corrected = (pValues: readonly number[], correction: Correction): number[] => {
  if (correction === 'none') return [...pValues];
  const ascending = pValues.map((p, index) => ({ p, index })).sort((a, b) => a.p - b.p);
  const many = ascending.length;
  const adjusted = new Array<number>(many).fill(1);
  if (correction === 'holm') {
    let largest = 0;
    ascending.forEach(({ p, index }, rank) => {
      largest = Math.max(largest, Math.min(1, p * (many - rank)));
      adjusted[index] = largest;
    });
    return adjusted;
  }
  let smallest = 1;
  for (let rank = many; rank > 0; rank--) {
    const { p, index } = ascending[rank - 1] ?? { p: 1, index: 0 };
    smallest = Math.min(smallest, (p * many) / rank);
    adjusted[index] = smallest;
  }
  return adjusted;
};
