/** Weights limited to `most`, and the share of all weight that this takes away: nothing if there is no limit. */
export const clipImportance = (
  importance: Float64Array,
  most: number,
): { readonly importance: Float64Array; readonly share: number } => {
  let [total, over] = [0, 0];
  for (const weight of importance) {
    total += weight;
    if (weight > most) over += weight - most;
  }
  if (over === 0) return { importance, share: 0 };
  return { importance: importance.map((weight) => Math.min(weight, most)), share: over / total };
};
