import { WatchnextError } from '../../src/errors.js';
import { readBatches } from './batches.js';
import { readCheckpoint, removeCheckpoint, writeCheckpoint } from './checkpoint.js';
import { requireFinite, startOfWatch, watchLosses, type DivergenceWatch } from './divergence.js';
import type { Examples } from './examples.js';
import {
  addLosses,
  meanLosses,
  noLosses,
  type EpochRecord,
  type LossSums,
  type TrainingHistory,
  type TrainingProgress,
} from './history.js';
import { LossMeter, type LabelScaling } from './labels.js';
import type { ModelState, RankerModel } from './model.js';
import { learnPass } from './pass.js';
import { mixSeeds, SeededRandom } from './random.js';
import { learningRateFactor } from './schedule.js';
import type { Split, TrainingSettings } from './settings.js';
import type { ExampleSpool } from './spool.js';

export interface FitOptions {
  readonly model: RankerModel;
  readonly settings: TrainingSettings;
  readonly scaling: LabelScaling;
  readonly spool: ExampleSpool;
  readonly split: Split;
  /** Where to keep the run, so that it can go on after an interruption; one that is there already is continued. */
  readonly checkpoint?: { readonly path: string; readonly everyMs: number };
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TrainingProgress) => void;
  /** Milliseconds, for the time between checkpoints. */
  readonly now: () => number;
}

/** Where the run stands; JSON. */
interface Position {
  readonly epoch: number;
  /** Batches and rows learned in this epoch. */
  readonly batch: number;
  readonly rows: number;
  readonly step: number;
  readonly watch: DivergenceWatch;
  readonly sincePoint: LossSums;
  readonly sinceEpoch: LossSums;
  readonly history: TrainingHistory;
  readonly best: number | null;
  readonly epochsSinceBest: number;
}

const start: Position = {
  epoch: 0,
  batch: 0,
  rows: 0,
  step: 0,
  watch: startOfWatch,
  sincePoint: noLosses,
  sinceEpoch: noLosses,
  history: { steps: [], epochs: [] },
  best: null,
  epochsSinceBest: 0,
};

const pointsPerRun = 1000;

/** Learns for as many epochs as the definition says and validation allows; the model ends in its best state. */
export async function fit(options: FitOptions): Promise<TrainingHistory> {
  const run = new TrainingRun(options);
  await run.resume();
  return run.finish();
}

class TrainingRun {
  readonly #options: FitOptions;
  readonly #tasks: readonly string[];
  #position = start;
  #best: ModelState | undefined;
  #savedAt: number;
  #hasSaved = false;

  constructor(options: FitOptions) {
    this.#options = options;
    this.#tasks = options.scaling.map(({ name }) => name);
    this.#savedAt = options.now();
  }

  async resume(): Promise<void> {
    const { checkpoint, model } = this.#options;
    const saved = checkpoint === undefined ? undefined : await readCheckpoint<Position>(checkpoint.path);
    if (saved === undefined) return;
    this.#position = saved.position;
    this.#best = saved.best;
    this.#hasSaved = true;
    await model.restore(saved.now);
  }

  async finish(): Promise<TrainingHistory> {
    const { settings, model, checkpoint } = this.#options;
    while (this.#position.epoch < settings.epochs && this.#position.epochsSinceBest < settings.patience) {
      await this.#epoch();
    }
    if (this.#best !== undefined) await model.restore(this.#best);
    if (checkpoint !== undefined) await removeCheckpoint(checkpoint.path);
    return this.#position.history;
  }

  async #epoch(): Promise<void> {
    const { model, spool, split, settings } = this.#options;
    const { epoch, batch } = this.#position;
    if (settings.reinitialiseEmbeddings && epoch > 0 && batch === 0) model.reinitialiseEmbeddings(epoch);
    await learnPass({
      model,
      spool,
      batches: {
        range: split.training,
        rows: settings.batch,
        random: new SeededRandom(settings.seed, epoch),
      },
      skip: batch,
      step: () => this.#step(),
      learned: (examples, losses) => this.#learned(examples, losses),
    });
    await this.#endEpoch();
  }

  #step(): { rateFactor: number; seed: number; progress: number } {
    const { settings } = this.#options;
    const { epoch, rows, step } = this.#position;
    const progress = (epoch + rows / this.#options.split.trainingRows) / settings.epochs;
    return {
      rateFactor: learningRateFactor(settings.optimizer, { step, progress }),
      seed: mixSeeds(settings.seed, step),
      progress,
    };
  }

  async #learned(examples: Examples, losses: Float32Array): Promise<void> {
    const { scaling, signal, settings, checkpoint, now } = this.#options;
    const { rows } = examples.batch;
    const position = this.#position;
    const batch = { losses, labels: examples.labels, weights: scaling.map(({ weight }) => weight / rows) };
    const step = position.step + 1;
    const watch = watchLosses(position.watch, {
      step,
      losses: new Map(this.#tasks.map((task, index) => [task, losses[index] as number])),
      checkpoint: this.#checkpointPath(),
    });
    const sincePoint = addLosses(position.sincePoint, batch);
    const steps = Math.ceil((this.#options.split.trainingRows / settings.batch) * settings.epochs);
    const isPoint = step % Math.ceil(steps / pointsPerRun) === 0;
    const point = { step, epoch: position.epoch + 1, losses: meanLosses(this.#tasks, sincePoint) };
    this.#position = {
      ...position,
      batch: position.batch + 1,
      rows: position.rows + rows,
      step,
      watch,
      sincePoint: isPoint ? noLosses : sincePoint,
      sinceEpoch: addLosses(position.sinceEpoch, batch),
      history: isPoint ? { ...position.history, steps: [...position.history.steps, point] } : position.history,
    };
    this.#report('training', this.#position.rows, this.#options.split.trainingRows);
    if (signal?.aborted === true) {
      await this.#save();
      throw stopped(this.#checkpointPath());
    }
    if (checkpoint !== undefined && now() - this.#savedAt >= checkpoint.everyMs) await this.#save();
  }

  async #endEpoch(): Promise<void> {
    const { epoch, step, sinceEpoch, history, best, epochsSinceBest } = this.#position;
    const validation = await this.#validate();
    const record: EpochRecord = {
      epoch: epoch + 1,
      step,
      losses: meanLosses(this.#tasks, sinceEpoch),
      ...(validation === undefined ? {} : { validation }),
    };
    const improved = validation !== undefined && (best === null || validation.normalised < best);
    this.#position = {
      ...this.#position,
      epoch: epoch + 1,
      batch: 0,
      rows: 0,
      sinceEpoch: noLosses,
      history: { ...history, epochs: [...history.epochs, record] },
      best: improved ? validation.normalised : best,
      epochsSinceBest: validation === undefined || improved ? 0 : epochsSinceBest + 1,
    };
    const state = await this.#options.model.state();
    requireFinite(state.dense, { step, checkpoint: this.#checkpointPath() });
    if (improved) this.#best = state;
    await this.#save(state);
  }

  async #validate(): Promise<EpochRecord['validation']> {
    const { spool, split, settings, model, scaling } = this.#options;
    if (split.validationRows === 0) return undefined;
    const meter = new LossMeter(scaling);
    let done = 0;
    const batches = { range: split.validation, rows: settings.batch };
    for await (const { batch, labels } of readBatches(spool, batches)) {
      meter.add(await model.predict(batch), labels);
      this.#report('validating', (done += batch.rows), split.validationRows);
    }
    const losses = meter.losses();
    return {
      losses: Object.fromEntries(this.#tasks.map((task, index) => [task, losses[index] as number])),
      normalised: meter.normalised(),
    };
  }

  async #save(known?: ModelState): Promise<void> {
    const { checkpoint, model, now } = this.#options;
    if (checkpoint === undefined) return;
    const state = known ?? (await model.state());
    requireFinite(state.dense, { step: this.#position.step, checkpoint: this.#checkpointPath() });
    await writeCheckpoint(checkpoint.path, { position: this.#position, now: state, best: this.#best });
    this.#hasSaved = true;
    this.#savedAt = now();
  }

  #checkpointPath(): string | undefined {
    return this.#hasSaved ? this.#options.checkpoint?.path : undefined;
  }

  #report(phase: TrainingProgress['phase'], done: number, total: number): void {
    const { onProgress, settings } = this.#options;
    const { epoch, sinceEpoch } = this.#position;
    onProgress?.({
      phase,
      done,
      total,
      epoch: epoch + 1,
      epochs: settings.epochs,
      losses: meanLosses(this.#tasks, sinceEpoch),
    });
  }
}

function stopped(checkpoint: string | undefined): WatchnextError {
  const kept =
    checkpoint === undefined
      ? 'Nothing was kept: no checkpoint folder was given.'
      : `What was learned is in ${checkpoint}; the same command goes on from there.`;
  return new WatchnextError('training_stopped', `Training was stopped. ${kept}`);
}
