import { ascending, midRanks } from './ranks.js';

/** An estimate with the half-width of its 95 % interval; NaN where the data cannot say. */
export interface Estimate {
  readonly value: number;
  readonly halfWidth: number;
}

/** Half a 95 % interval in standard deviations. */
export const Z95 = 1.959963984540054;
const unknown: Estimate = { value: Number.NaN, halfWidth: Number.NaN };

const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const meanWithInterval = (values: Float64Array): Estimate => {
  if (values.length === 0) return unknown;
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  const deviation = Math.sqrt(squares / Math.max(1, values.length - 1));
  return { value: centre, halfWidth: (Z95 * deviation) / Math.sqrt(values.length) };
};

/** An area under the ROC curve taken apart by rows, each class in the order of its rows. */
interface Placements {
  readonly area: number;
  /** For each positive the share of negatives below it, ties half: their mean is the area. */
  readonly ofPositives: Float64Array;
  /** For each negative the share of positives above it. */
  readonly ofNegatives: Float64Array;
}

/** Undefined unless both classes occur. */
const placementsOf = (scores: Float64Array, labels: Float64Array): Placements | undefined => {
  const positives = scores.filter((_, i) => labels[i] === 1);
  const negatives = scores.filter((_, i) => labels[i] === 0);
  const [m, n] = [positives.length, negatives.length];
  if (m === 0 || n === 0) return undefined;
  const joint = new Float64Array(m + n);
  joint.set(positives);
  joint.set(negatives, m);
  const all = midRanks(joint);
  const ofPositives = midRanks(positives).map((rank, i) => ((all[i] ?? 0) - rank) / n);
  const ofNegatives = midRanks(negatives).map((rank, j) => 1 - ((all[m + j] ?? 0) - rank) / m);
  return { area: mean(ofPositives), ofPositives, ofNegatives };
};

const varianceOf = (parts: Float64Array): number => {
  const centre = mean(parts);
  return parts.length < 2 ? 0 : parts.reduce((sum, part) => sum + (part - centre) ** 2, 0) / (parts.length - 1);
};

/** Of a mean over the positives that is also one over the negatives (DeLong et al. 1988). */
const deviationOf = (ofPositives: Float64Array, ofNegatives: Float64Array): number =>
  Math.sqrt(varianceOf(ofPositives) / ofPositives.length + varianceOf(ofNegatives) / ofNegatives.length);

/**
 * Area under the ROC curve by rank sums, ties counted half, with DeLong's variance (DeLong et al. 1988, by mid-ranks as
 * Sun & Xu 2014). NaN unless both classes occur.
 */
export const areaUnderCurve = (scores: Float64Array, labels: Float64Array): Estimate => {
  const placements = placementsOf(scores, labels);
  if (placements === undefined) return unknown;
  const { area, ofPositives, ofNegatives } = placements;
  return { value: area, halfWidth: Z95 * deviationOf(ofPositives, ofNegatives) };
};

/**
 * By how much one scoring's area is larger than another's on the same rows. The interval is DeLong's for paired scores: what
 * both make of a row is compared, so that it is far narrower than the intervals of the two areas. NaN unless both classes
 * occur.
 */
export const areaDifference = (
  { scores, others }: { readonly scores: Float64Array; readonly others: Float64Array },
  labels: Float64Array,
): Estimate => {
  const [one, other] = [placementsOf(scores, labels), placementsOf(others, labels)];
  if (one === undefined || other === undefined) return unknown;
  const apart = (a: Float64Array, b: Float64Array): Float64Array => a.map((part, i) => part - (b[i] ?? 0));
  return {
    value: one.area - other.area,
    halfWidth: Z95 * deviationOf(apart(one.ofPositives, other.ofPositives), apart(one.ofNegatives, other.ofNegatives)),
  };
};

/** Row indices by group, in order of first appearance. */
const groupRows = (groups: readonly string[]): Map<string, number[]> => {
  const rows = new Map<string, number[]>();
  for (const [row, group] of groups.entries()) {
    const found = rows.get(group);
    if (found === undefined) rows.set(group, [row]);
    else found.push(row);
  }
  return rows;
};

const ratioOfMeans = (values: readonly number[], weights: readonly number[]): Estimate => {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return unknown;
  const value = values.reduce((sum, v, i) => sum + v * (weights[i] ?? 0), 0) / total;
  const variance = values.reduce((sum, v, i) => sum + ((weights[i] ?? 0) * (v - value)) ** 2, 0) / total ** 2;
  return { value, halfWidth: Z95 * Math.sqrt(variance) };
};

/** Mean AUC within groups that hold both classes, weighted by their rows; the interval is over groups. */
export const groupedAreaUnderCurve = (
  scores: Float64Array,
  labels: Float64Array,
  groups: readonly string[],
): Estimate => {
  const values: number[] = [];
  const weights: number[] = [];
  for (const rows of groupRows(groups).values()) {
    if (rows.length < 2) continue;
    const { value } = areaUnderCurve(
      Float64Array.from(rows, (row) => scores[row] ?? 0),
      Float64Array.from(rows, (row) => labels[row] ?? 0),
    );
    if (Number.isNaN(value)) continue;
    values.push(value);
    weights.push(rows.length);
  }
  return ratioOfMeans(values, weights);
};

/** Mean binary cross-entropy in nats; probabilities are kept 1e-7 away from 0 and 1. */
export const logLoss = (probabilities: Float64Array, labels: Float64Array): Estimate =>
  meanWithInterval(
    probabilities.map((p, i) => {
      const kept = Math.min(1 - 1e-7, Math.max(1e-7, p));
      return labels[i] === 1 ? -Math.log(kept) : -Math.log1p(-kept);
    }),
  );

/** Log loss divided by that of the label's own rate (He et al. 2014): below 1 is better than knowing only the rate. */
export const normalisedEntropy = (probabilities: Float64Array, labels: Float64Array): number => {
  const rate = mean(labels);
  const entropy = -(rate * Math.log(rate) + (1 - rate) * Math.log1p(-rate));
  return logLoss(probabilities, labels).value / entropy;
};

/** One bin of a calibration plot: rows of similar prediction. */
export interface CalibrationBin {
  readonly predicted: number;
  readonly observed: number;
  readonly rows: number;
}

/** Bins of equal size by predicted value. */
export const calibrationBins = (predictions: Float64Array, labels: Float64Array, bins = 15): CalibrationBin[] => {
  const order = ascending(predictions);
  const found: CalibrationBin[] = [];
  for (let bin = 0; bin < bins; bin++) {
    const rows = order.subarray(Math.floor((bin * order.length) / bins), Math.floor(((bin + 1) * order.length) / bins));
    if (rows.length === 0) continue;
    const average = (values: Float64Array): number =>
      rows.reduce((sum, row) => sum + (values[row] ?? 0), 0) / rows.length;
    found.push({ predicted: average(predictions), observed: average(labels), rows: rows.length });
  }
  return found;
};

/** Expected calibration error: mean distance of predicted and observed over bins of equal size. */
export const calibrationError = (predictions: Float64Array, labels: Float64Array): number =>
  calibrationBins(predictions, labels).reduce(
    (sum, bin) => sum + bin.rows * Math.abs(bin.predicted - bin.observed),
    0,
  ) / predictions.length;

/** Sum of predictions over sum of outcomes: 1 is calibrated on the whole. */
export const calibrationRatio = (predictions: Float64Array, labels: Float64Array): number =>
  mean(predictions) / mean(labels);

/**
 * Gains in the order of the scores; rows that tie share their mean gain, so that the order of a log says nothing (McSherry
 * and Najork, ECIR 2008).
 */
const orderedGains = (rows: readonly number[], scores: Float64Array, gains: Float64Array): number[] => {
  const order = [...rows].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
  const ordered: number[] = [];
  for (let start = 0; start < order.length;) {
    const score = scores[order[start] ?? 0];
    let end = start;
    let sum = 0;
    for (; end < order.length && scores[order[end] ?? 0] === score; end++) sum += gains[order[end] ?? 0] ?? 0;
    for (let i = start; i < end; i++) ordered.push(sum / (end - start));
    start = end;
  }
  return ordered;
};

/** Mean NDCG@k over requests with at least two rows and a positive; discount 1/log2(rank + 1). */
export const ndcg = (
  scores: Float64Array,
  gains: Float64Array,
  { requests, k }: { readonly requests: readonly string[]; readonly k: number },
): Estimate => {
  const values: number[] = [];
  const discounted = (ordered: readonly number[]): number =>
    ordered.slice(0, k).reduce((sum, gain, rank) => sum + gain / Math.log2(rank + 2), 0);
  for (const rows of groupRows(requests).values()) {
    if (rows.length < 2) continue;
    const ideal = discounted(orderedGains(rows, gains, gains));
    if (ideal > 0) values.push(discounted(orderedGains(rows, scores, gains)) / ideal);
  }
  return meanWithInterval(Float64Array.from(values));
};

/** Mean squared error. */
export const meanSquaredError = (predictions: Float64Array, labels: Float64Array): Estimate =>
  meanWithInterval(predictions.map((prediction, i) => (prediction - (labels[i] ?? 0)) ** 2));

/** Mean absolute error. */
export const meanAbsoluteError = (predictions: Float64Array, labels: Float64Array): Estimate =>
  meanWithInterval(predictions.map((prediction, i) => Math.abs(prediction - (labels[i] ?? 0))));

/**
 * XAUC: share of pairs with different truth that the predictions order alike, ties in prediction counted half
 * (Zhan et al., KDD 2022). Counted in n log n with a Fenwick tree over prediction ranks.
 */
export const pairwiseAccuracy = (predictions: Float64Array, labels: Float64Array): number => {
  const n = predictions.length;
  const levels = [...new Set(predictions)].sort((a, b) => a - b);
  const levelOf = new Map(levels.map((value, index) => [value, index + 1]));
  const tree = new Float64Array(levels.length + 1);
  const add = (at: number): void => {
    for (let i = at; i < tree.length; i += i & -i) tree[i] = (tree[i] ?? 0) + 1;
  };
  const below = (at: number): number => {
    let sum = 0;
    for (let i = at; i > 0; i -= i & -i) sum += tree[i] ?? 0;
    return sum;
  };
  const order = ascending(labels);
  let concordant = 0;
  let pairs = 0;
  for (let start = 0; start < n;) {
    let end = start;
    while (end < n && labels[order[end] ?? 0] === labels[order[start] ?? 0]) end++;
    for (let i = start; i < end; i++) {
      const level = levelOf.get(predictions[order[i] ?? 0] ?? 0) ?? 1;
      concordant += (below(level - 1) + below(level)) / 2;
      pairs += start;
    }
    for (let i = start; i < end; i++) add(levelOf.get(predictions[order[i] ?? 0] ?? 0) ?? 1);
    start = end;
  }
  return concordant / pairs;
};
