/** Indices that sort `values` ascending; ties keep their order, so that the result is the same everywhere. */
export const ascending = (values: Float64Array): Uint32Array => {
  const order = new Uint32Array(values.length).map((_, index) => index);
  return order.sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0) || a - b);
};

/** Mid-ranks (1-based, ties share their mean rank) of `values`. */
export const midRanks = (values: Float64Array): Float64Array => {
  const order = ascending(values);
  const ranks = new Float64Array(values.length);
  for (let start = 0; start < order.length;) {
    const value = values[order[start] ?? 0];
    let end = start + 1;
    while (end < order.length && values[order[end] ?? 0] === value) end++;
    const rank = (start + 1 + end) / 2;
    for (let i = start; i < end; i++) ranks[order[i] ?? 0] = rank;
    start = end;
  }
  return ranks;
};
