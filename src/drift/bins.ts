/** Deciles: coarse enough for a few hundred values. */
const tenths = 10;
/** Ids are counted by the last bits of their hashes: which ids are shown shifts these shares, however many there are. */
export const keyBins = 16;
/** Of a bag of ids, as many are looked at. */
const mostKeysOfABag = 4;

/** Least, greatest, and between them upper bounds of bins that hold about as many values each: the deciles, each once. */
export interface Bounds {
  readonly least: number;
  readonly bounds: readonly number[];
  readonly greatest: number;
}

/** @param values not none */
export const boundsOf = (values: readonly number[]): Bounds => {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number => rounded(sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN);
  const deciles = Array.from({ length: tenths - 1 }, (_, index) => at((index + 1) / tenths));
  return { least: at(0), bounds: [...new Set(deciles)], greatest: at(1) };
};

const rounded = (value: number): number => Number(value.toPrecision(6));

/** The bin of a value: the first with value <= its bound; behind the last bound there is one more. */
export const binOf = (bounds: readonly number[], value: number): number => {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value <= (bounds[middle] ?? Infinity)) high = middle;
    else low = middle + 1;
  }
  return low;
};

/** The value below which a share of the counts lies, taken as even within each bin. */
export const quantileOf = ({ least, bounds, greatest }: Bounds, counts: ArrayLike<number>, share: number): number => {
  const edges = [least, ...bounds, greatest];
  let total = 0;
  for (let bin = 0; bin < counts.length; bin++) total += counts[bin] ?? 0;
  let left = share * total;
  for (let bin = 0; bin < counts.length; bin++) {
    const count = counts[bin] ?? 0;
    if (left <= count && count > 0) {
      const [from = Number.NaN, to = from] = edges.slice(bin, bin + 2);
      return from + (left / count) * (to - from);
    }
    left -= count;
  }
  return greatest;
};

/** Calls for the bin of each of the first ids of a bag; for none if the bag is empty. */
export const eachKeyBin = (
  { offsets, keys }: { readonly offsets: Int32Array; readonly keys: Uint32Array },
  entry: number,
  each: (bin: number) => void,
): void => {
  const from = offsets[entry] ?? 0;
  const until = Math.min(offsets[entry + 1] ?? from, from + mostKeysOfABag);
  for (let key = from; key < until; key++) each((keys[2 * key + 1] ?? 0) % keyBins);
};
