import type { RankerDefinition } from '../../src/definition/index.js';
import { Moments } from '../../src/features/index.js';

/** How one task's outcome becomes what the loss wants, and back. */
export interface TaskScaling {
  readonly name: string;
  readonly kind: 'binary' | 'regression';
  readonly transform: 'none' | 'log1p';
  /** Of the transformed labels over unmasked training rows; for a binary task the share of positives. */
  readonly mean: number;
  /** At least a little, so that a constant label stays finite; 1 for a binary task. */
  readonly deviation: number;
  /** Of the loss. */
  readonly weight: number;
}

export type LabelScaling = readonly TaskScaling[];

/** Means and deviations of the labels, over rows where the label is known. */
export class LabelFitter {
  readonly #tasks: readonly { readonly task: Omit<TaskScaling, 'mean' | 'deviation'>; readonly moments: Moments }[];

  constructor(tasks: RankerDefinition['tasks']) {
    this.#tasks = Object.entries(tasks).map(([name, { kind, transform = 'none', weight = 1 }]) => ({
      task: { name, kind, transform, weight },
      moments: new Moments(),
    }));
  }

  /** @param labels [rows, tasks] in natural units, NaN = unknown. */
  observe(labels: Float32Array): void {
    this.#tasks.forEach(({ task, moments }, index) => {
      for (let at = index; at < labels.length; at += this.#tasks.length) {
        const label = labels[at] as number;
        moments.add(task.transform === 'log1p' ? Math.log1p(label) : label);
      }
    });
  }

  finish(): LabelScaling {
    return this.#tasks.map(({ task, moments: { mean, deviation } }) => ({
      ...task,
      mean,
      deviation: task.kind === 'regression' && deviation > 1e-6 ? deviation : 1,
    }));
  }
}

export interface ScaledLabels {
  /** [rows, tasks] as the loss wants them; 0 where unknown. */
  readonly labels: Float32Array;
  /** [rows, tasks] task weight / rows of the batch; 0 where unknown. */
  readonly weights: Float32Array;
}

/**
 * What the loss takes. Weights are divided by the batch's rows, not by a task's unmasked rows: a row with a rare label
 * counts the same in every batch, however many others have one.
 * @param factors [rows, tasks] on the weights; 1 if left out.
 */
export function scaleLabels(scaling: LabelScaling, labels: Float32Array, factors?: Float32Array): ScaledLabels {
  const tasks = scaling.length;
  const rows = labels.length / tasks;
  const scaled = new Float32Array(labels.length);
  const weights = new Float32Array(labels.length);
  scaling.forEach(({ kind, transform, mean, deviation, weight }, task) => {
    for (let at = task; at < labels.length; at += tasks) {
      const label = labels[at] as number;
      if (Number.isNaN(label)) continue;
      const value = transform === 'log1p' ? Math.log1p(label) : label;
      scaled[at] = kind === 'regression' ? (value - mean) / deviation : value;
      weights[at] = ((factors?.[at] ?? 1) * weight) / rows;
    }
  });
  return { labels: scaled, weights };
}

/** Logits [rows, tasks] in natural units: a probability, or the regression's value with scaling and log1p undone. */
export function naturalHeads(scaling: LabelScaling, logits: Float32Array): Float32Array {
  const heads = new Float32Array(logits.length);
  scaling.forEach(({ kind, transform, mean, deviation }, task) => {
    for (let at = task; at < logits.length; at += scaling.length) {
      const logit = logits[at] as number;
      if (kind === 'binary') heads[at] = 1 / (1 + Math.exp(-logit));
      else heads[at] = transform === 'log1p' ? Math.expm1(mean + deviation * logit) : mean + deviation * logit;
    }
  });
  return heads;
}

/** Sums of losses over rows with a known label, and of what predicting the training mean would have lost there. */
export class LossMeter {
  readonly #scaling: LabelScaling;
  readonly #sums: { rows: number; loss: number; constant: number }[];

  constructor(scaling: LabelScaling) {
    this.#scaling = scaling;
    this.#sums = scaling.map(noSum);
  }

  /** Cross-entropy for binary tasks, squared error of the standardised value for regressions. */
  add(logits: Float32Array, labels: Float32Array): void {
    const scaled = scaleLabels(this.#scaling, labels).labels;
    this.#scaling.forEach(({ kind, mean }, task) => {
      const sum = this.#sums[task] ?? noSum();
      const prior = Math.min(1 - 1e-6, Math.max(1e-6, mean));
      const priorLogit = Math.log(prior / (1 - prior));
      for (let at = task; at < labels.length; at += this.#scaling.length) {
        if (Number.isNaN(labels[at])) continue;
        const label = scaled[at] as number;
        sum.rows++;
        sum.loss +=
          kind === 'binary' ? crossEntropy(logits[at] as number, label) : (label - (logits[at] as number)) ** 2;
        sum.constant += kind === 'binary' ? crossEntropy(priorLogit, label) : label ** 2;
      }
    });
  }

  /** [tasks] mean loss per row with a label; NaN where none had one. */
  losses(): number[] {
    return this.#sums.map(({ rows, loss }) => loss / rows);
  }

  /** Mean over tasks of the loss relative to always predicting the training mean: 1 = learned nothing. */
  normalised(): number {
    const shares = this.#sums.filter(({ rows, constant }) => rows > 0 && constant > 0).map((s) => s.loss / s.constant);
    return shares.reduce((sum, share) => sum + share, 0) / shares.length;
  }
}

const noSum = (): { rows: number; loss: number; constant: number } => ({ rows: 0, loss: 0, constant: 0 });

/** log(1 + e^z) - y z, without overflow. */
function crossEntropy(logit: number, label: number): number {
  return Math.max(logit, 0) - logit * label + Math.log1p(Math.exp(-Math.abs(logit)));
}
