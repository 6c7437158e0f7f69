import type { FeatureBatch } from '../../src/features/index.js';

/** Rows that were predicted before they were learned, with what came of them. All arrays are [rows] or [rows, tasks]. */
export interface JudgedRows {
  readonly batch: FeatureBatch;
  /** [requests] event times of the impressions. */
  readonly times: Float64Array;
  /** [rows, tasks] NaN = unknown or masked. */
  readonly labels: Float32Array;
  /** [rows, tasks] by the learner, before it learned these rows. */
  readonly predicted: Float32Array;
  /** [rows, tasks] by the version that served them; NaN where nothing was served. */
  readonly served: Float32Array;
  /** [requests] the version that served each, and its arms as "experiment/arm" texts. */
  readonly versions: readonly string[];
  readonly arms: readonly (readonly string[])[];
}

/** How well heads fit what came, over some window of rows. */
export interface HeadMeasure {
  readonly rows: number;
  readonly positives: number;
  /** NaN where there is one class only; for a regression the rank correlation is not measured: NaN. */
  readonly auc: number;
  /** Mean prediction / mean label. */
  readonly calibration: number;
  /** Log loss / entropy of the base rate; for a regression mean squared error (after its transform) / variance. */
  readonly normalisedEntropy: number;
}

/** By task. */
export type HeadMeasures = Readonly<Record<string, HeadMeasure>>;

/** One thing that a candidate was held to. */
export interface GateCheck {
  readonly name: 'finite' | 'golden' | 'auc' | 'anchor' | 'calibration' | 'labels' | 'features' | 'latency';
  readonly passed: boolean;
  /** For people: what was measured, what is allowed. */
  readonly message: string;
}

export interface GateDecision {
  readonly accepted: boolean;
  readonly checks: readonly GateCheck[];
}
