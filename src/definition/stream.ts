import { durationMs } from './duration.js';
import type { RankerDefinition } from './schema.js';

/** How one task's label is made of feedback, with nothing left out. */
export interface LabelRule {
  readonly task: string;
  /** Kinds of feedback. */
  readonly on: readonly string[];
  readonly take: 'last' | 'largest' | 'sum';
  readonly waitMs: number;
  readonly late: 'ignore' | 'supplement' | 'fake-negative-weighted';
}

/** The rules of all tasks, in the order of the tasks. */
export const labelRules = ({ tasks, labels = {} }: RankerDefinition): readonly LabelRule[] =>
  Object.keys(tasks).map((task) => {
    const { on = task, take = 'last', wait = '10m', late = 'ignore' } = labels[task] ?? {};
    return { task, on: typeof on === 'string' ? [on] : on, take, waitMs: durationMs(wait), late };
  });

/** The definition's `stream` with nothing left out; durations in milliseconds. */
export interface StreamSettings {
  readonly outOfOrderMs: number;
  /** After the longest wait of a label. */
  readonly lateForMs: number;
  readonly batchSpanMs: number;
  readonly publishMs: number;
  readonly sealMs: number;
  readonly checkpointMs: number;
  readonly forgetMs: number;
  /** Other rankers whose lists are learned from. */
  readonly rankers: readonly string[];
  /** Arms as experiment/arm; `include` is undefined where requests in no arm are learned, too. */
  readonly arms: {
    readonly include: readonly string[] | undefined;
    readonly exclude: readonly string[];
    /** By arm: factor on what a row counts in the loss. */
    readonly weights: Readonly<Record<string, number>>;
  };
  /** Rows. */
  readonly window: number;
  readonly gate: {
    readonly rows: number;
    readonly aucDrop: number;
    readonly calibration: number;
    readonly labelShift: number;
    readonly featureShift: number;
    readonly latency: number;
  };
}

export const streamSettings = (definition: RankerDefinition): StreamSettings => {
  const { stream = {} } = definition;
  const { gate = {}, arms = {} } = stream;
  const longestWaitMs = Math.max(...labelRules(definition).map(({ waitMs }) => waitMs));
  return {
    outOfOrderMs: durationMs(stream.out_of_order ?? '2s'),
    lateForMs: stream.late_for === undefined ? longestWaitMs : durationMs(stream.late_for),
    batchSpanMs: durationMs(stream.batch_span ?? '2s'),
    publishMs: durationMs(stream.publish ?? '5s'),
    sealMs: durationMs(stream.seal ?? '1h'),
    checkpointMs: durationMs(stream.checkpoint ?? '30s'),
    forgetMs: durationMs(stream.forget ?? '90d'),
    rankers: stream.rankers ?? [],
    arms: { include: arms.include, exclude: arms.exclude ?? [], weights: arms.weights ?? {} },
    window: stream.window ?? 20_000,
    gate: {
      rows: gate.rows ?? 2000,
      aucDrop: gate.auc_drop ?? 0.02,
      calibration: gate.calibration ?? 0.5,
      labelShift: gate.label_shift ?? 1.5,
      featureShift: gate.feature_shift ?? 0.5,
      latency: gate.latency ?? 3,
    },
  };
};
