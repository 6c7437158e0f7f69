/** Mean loss per row with a known label, by task name. */
export type TaskLosses = Readonly<Record<string, number>>;

/** For training curves. */
export interface TrainingHistory {
  /** About a thousand points over the run: losses are means over the steps since the previous point. */
  readonly steps: readonly { readonly step: number; readonly epoch: number; readonly losses: TaskLosses }[];
  readonly epochs: readonly EpochRecord[];
}

export interface EpochRecord {
  readonly epoch: number;
  /** Steps taken when the epoch ended. */
  readonly step: number;
  readonly losses: TaskLosses;
  readonly validation?: {
    readonly losses: TaskLosses;
    /** Mean over tasks of loss / loss of always predicting the training mean. */
    readonly normalised: number;
  };
}

/** What a progress bar shows. `done` and `total` count rows. */
export interface TrainingProgress {
  readonly phase: 'reading' | 'preparing' | 'training' | 'validating';
  readonly done: number;
  readonly total: number;
  /** From 1. */
  readonly epoch?: number;
  readonly epochs?: number;
  readonly losses?: TaskLosses;
}

/** [tasks] sums of losses and of rows with a known label; plain numbers, so that a checkpoint can hold them. */
export interface LossSums {
  readonly losses: readonly number[];
  readonly rows: readonly number[];
}

export const noLosses: LossSums = { losses: [], rows: [] };

/**
 * The sums after one more batch.
 * @param batch.losses [tasks] sums over rows of weight * loss.
 * @param batch.weights [tasks] the weight of a known label.
 * @param batch.labels [rows, tasks], NaN = unknown.
 */
export function addLosses(
  sums: LossSums,
  batch: { readonly losses: Float32Array; readonly weights: readonly number[]; readonly labels: Float32Array },
): LossSums {
  const tasks = batch.weights.length;
  const losses = batch.weights.map((weight, task) => {
    return (sums.losses[task] ?? 0) + (weight === 0 ? 0 : (batch.losses[task] as number) / weight);
  });
  const rows = batch.weights.map((_, task) => sums.rows[task] ?? 0);
  batch.labels.forEach((label, at) => {
    if (!Number.isNaN(label)) rows[at % tasks] = (rows[at % tasks] as number) + 1;
  });
  return { losses, rows };
}

export function meanLosses(tasks: readonly string[], { losses, rows }: LossSums): TaskLosses {
  return Object.fromEntries(tasks.map((task, index) => [task, (losses[index] ?? 0) / (rows[index] ?? 0)]));
}
