import { durationMs } from '../../definition/index.js';
import type { EncodeNumbers, FeatureKind, Fitter } from '../feature.js';
import { cellReader, keyReader } from '../fields.js';
import { fittedNumbers } from '../fitting/fitted.js';
import { Moments } from '../fitting/moments.js';
import { Reservoir } from '../fitting/reservoir.js';
import { correctionShare, feedbackDelayMs, outcomeReader } from '../outcomes.js';
import { addDecayed, decayFactor, fadeSpan } from '../state/decay.js';
import type { FeatureFit, Labels } from '../types.js';

/** Impressions' worth of the overall rate mixed in, where the definition does not say. */
export const defaultRatePrior = 20;
/** Keeps logits finite: |logit| < 14. */
const leastRate = 1e-6;

/** Which tasks a rate encodes and how it is smoothed. */
interface Smoothing {
  readonly name: string;
  readonly prior: number;
  /** By task: whether the encoding is the logit of the mean (binary tasks) or the mean itself. */
  readonly logit: readonly boolean[];
}

/**
 * The mean outcome of tasks per key. Raw: per task the decayed sum of outcomes, then per task the decayed number of known
 * ones, [2 * tasks]; a correction adds the new outcome less the earlier one. Encoded: per task the smoothed mean (sum + prior * overall) / (n + prior), as a standardised logit for
 * binary tasks and standardised as it is for regressions; then log1p of the largest n, standardised. [tasks + 1].
 * An unknown key has n = 0: the overall rate.
 */
export const rate: FeatureKind<'rate'> = ({ name, scope, definition, ranker }) => {
  const tasks = typeof definition.of === 'string' ? [definition.of] : definition.of;
  const width = 2 * tasks.length;
  const halfLifeMs = definition.half_life === undefined ? undefined : durationMs(definition.half_life);
  const key = keyReader(scope, definition.key);
  const outcomes = tasks.map((task) => outcomeReader(ranker, task));
  let described: Labels | undefined;
  let changes = false;
  const said = new Float64Array(width);
  const smoothing: Smoothing = {
    name,
    prior: definition.prior ?? defaultRatePrior,
    logit: tasks.map((task) => ranker.tasks[task]?.kind === 'binary'),
  };
  return {
    type: 'numbers',
    width,
    state: {
      cellWidth: width,
      updateWidth: width,
      delayMs: feedbackDelayMs(ranker, definition.feedback_delay),
      ...fadeSpan(halfLifeMs),
      describe(event, keyOut, update) {
        const { labels, before } = event;
        // Rows that were only shown have their labels in common, one after the other.
        if (before === undefined && labels === described) {
          update.set(said);
          return changes && key(event, keyOut);
        }
        const share = before === undefined ? 1 : correctionShare(event, halfLifeMs);
        changes = false;
        for (let i = 0; i < tasks.length; i++) {
          const read = outcomes[i] as (of: Labels) => number;
          const label = read(labels);
          const earlier = before === undefined ? Number.NaN : read(before);
          const known = (Number.isNaN(label) ? 0 : 1) - (Number.isNaN(earlier) ? 0 : 1);
          const amount = Number.isNaN(earlier) ? label : (Number.isNaN(label) ? 0 : label) - earlier;
          update[i] = amount * share;
          update[tasks.length + i] = known * share;
          if (known !== 0 || (!Number.isNaN(amount) && amount !== 0)) changes = true;
        }
        described = before === undefined ? labels : undefined;
        said.set(update);
        return changes && key(event, keyOut);
      },
      apply(cells, row, { time, update, at }) {
        addDecayed(cells.values, row * cells.stride, { time, amounts: update, at, count: width, halfLifeMs });
      },
    },
    reader(tools) {
      const find = cellReader({ scope, key: definition.key }, tools);
      const { cells } = tools;
      return (entry, out, at) => {
        const row = find(entry);
        if (cells === undefined || row < 0) {
          // By a loop: fill is a call that costs more than ten numbers.
          for (let i = 0; i < width; i++) out[at + i] = 0;
          return;
        }
        const { stride, values } = cells;
        const cell = row * stride;
        const factor = decayFactor(entry.time - (values[cell] ?? 0), halfLifeMs);
        for (let i = 0; i < width; i++) out[at + i] = (values[cell + 1 + i] ?? 0) * factor;
      };
    },
    encodedWidth: tasks.length + 1,
    fitter: () => rateFitter(smoothing),
    encoder: (fit) => rateEncoder(smoothing, fit),
  };
};

/**
 * The overall rate g of a task is the one that smoothing leaves unchanged on average: sum over rows of
 * (sum - g n) / (n + prior) = 0. Exact over all rows. What it does to mean and deviation of the encoding can only be known
 * afterwards, so these come from a sample of the rows.
 */
function rateFitter(smoothing: Smoothing): Fitter {
  const tasks = smoothing.logit.length;
  const sums = new Float64Array(tasks);
  const counts = new Float64Array(tasks);
  const reservoir = new Reservoir({ name: smoothing.name, width: 2 * tasks });
  return {
    observe(values, count) {
      for (let i = 0; i < count; i++) {
        const at = i * 2 * tasks;
        for (let task = 0; task < tasks; task++) {
          const n = values[at + tasks + task] ?? 0;
          sums[task] = (sums[task] ?? 0) + (values[at + task] ?? 0) / (n + smoothing.prior);
          counts[task] = (counts[task] ?? 0) + n / (n + smoothing.prior);
        }
        reservoir.add(values, at);
      }
    },
    finish() {
      const overall = Array.from(sums, (sum, task) => {
        const known = counts[task] ?? 0;
        return known > 0 ? sum / known : smoothing.logit[task] === true ? 0.5 : 0;
      });
      const moments = Array.from({ length: tasks + 1 }, () => new Moments());
      const rows = reservoir.sample();
      for (let at = 0; at < rows.length; at += 2 * tasks) {
        moments.forEach((moment, column) => {
          moment.add(columnOf(smoothing, overall, { values: rows, at, column }));
        });
      }
      return { overall, mean: moments.map(({ mean }) => mean), scale: moments.map(({ scale }) => scale) };
    },
  };
}

function rateEncoder(smoothing: Smoothing, fit: FeatureFit): EncodeNumbers {
  const tasks = smoothing.logit.length;
  const overall = fittedNumbers(fit, 'overall', tasks);
  const mean = fittedNumbers(fit, 'mean', tasks + 1);
  const scale = fittedNumbers(fit, 'scale', tasks + 1);
  const encoded = (values: Float32Array, at: number, column: number): number =>
    (columnOf(smoothing, overall, { values, at, column }) - (mean[column] ?? 0)) * (scale[column] ?? 0);
  const unmet = Float32Array.from({ length: tasks + 1 }, (_, column) =>
    encoded(new Float32Array(2 * tasks), 0, column),
  );
  return (values, count, { out, stride, offset }) => {
    for (let i = 0; i < count; i++) {
      const at = i * 2 * tasks;
      const to = i * stride + offset;
      // Logarithms are what a rate costs, and many keys were never met.
      if (areZeros(values, at, 2 * tasks))
        for (let column = 0; column <= tasks; column++) out[to + column] = unmet[column] ?? 0;
      else for (let column = 0; column <= tasks; column++) out[to + column] = encoded(values, at, column);
    }
  };
}

function areZeros(values: Float32Array, at: number, count: number): boolean {
  for (let i = at; i < at + count; i++) if (values[i] !== 0) return false;
  return true;
}

/** One column of the encoding before it is standardised; the last one is log1p(n). */
function columnOf(
  { prior, logit }: Smoothing,
  overall: readonly number[],
  { values, at, column }: { values: Float32Array; at: number; column: number },
): number {
  const tasks = logit.length;
  if (column === tasks) {
    let most = 0;
    for (let task = 0; task < tasks; task++) most = Math.max(most, values[at + tasks + task] ?? 0);
    return Math.log1p(most);
  }
  const sum = values[at + column] ?? 0;
  const n = values[at + tasks + column] ?? 0;
  const mean = (sum + prior * (overall[column] ?? 0)) / (n + prior);
  if (logit[column] !== true) return mean;
  const rate = Math.min(1 - leastRate, Math.max(leastRate, mean));
  return Math.log(rate / (1 - rate));
}
