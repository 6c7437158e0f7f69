import type { LoadedArtifact, Manifest } from '../../src/artifact/index.js';
import { parseTable } from '../../src/embeddings/index.js';
import { WatchnextError } from '../../src/errors.js';
import type { EmbeddingTable } from '../../src/embeddings/index.js';
import type { FeatureBatch } from '../../src/features/index.js';
import type { Examples } from './examples.js';
import { naturalHeads, type LabelScaling } from './labels.js';
import { RankerModel, type ModelState, type StepOptions } from './model.js';
import { decodeSections, encodeSections } from '../sections/index.js';
import type { SealableRanker } from './sealable.js';
import { trainingSettings, type TrainingSettings } from './settings.js';
import { Stopwatch } from './stopwatch.js';
import type { EngineFactory } from './train.js';

const denseFile = 'dense.bin';
const tableEnding = '.table';

/** The files below `training/` of a sealed version: dense.bin and a table per embedding table. */
export function encodeTraining({ dense, tables }: ModelState): ReadonlyMap<string, Uint8Array> {
  return new Map([
    [denseFile, encodeSections({ header: { what: 'dense state' }, arrays: dense })],
    ...[...tables].map(([name, bytes]) => [`${name}${tableEnding}`, bytes] as const),
  ]);
}

/** A sealed version that learns on, from the bits at which it was sealed. One call at a time; close it in the end. */
export interface ResumedRanker extends SealableRanker {
  readonly settings: TrainingSettings;
  /** Milliseconds by part of the work. */
  readonly spentMs: () => Readonly<Record<string, number>>;
  /** Gives rows to ids that were met often enough by now, a time of the log. */
  admit(batch: FeatureBatch, nowMs: number): void;
  /** Drops the rows of ids not seen for their table's time; answers how many. */
  expire(nowMs: number): number;
  /**
   * One step on whole requests. Answers [tasks] the weighted mean loss of the batch before it; nothing changed if one of
   * them is not finite. The same state, examples and step give the same bits.
   */
  learn(examples: Examples, step: StepOptions): Promise<Float32Array>;
  /** The tables that learn, with their optimiser state; `tables` are as they are served. */
  learningTables(): ReadonlyMap<string, EmbeddingTable>;
  /** Everything that learning changes, from `trainingState` of any engine. */
  restore(state: ModelState): Promise<void>;
  close(): Promise<void>;
}

export interface ResumeOptions {
  /** Loaded for training: Artifacts.load(ranker, version, { training: true }). */
  readonly artifact: LoadedArtifact;
  readonly engine: EngineFactory;
}

/** Opens a sealed version to learn on. Throws artifact_missing where it was sealed without what that needs. */
export async function resumeRanker({ artifact, engine: factory }: ResumeOptions): Promise<ResumedRanker> {
  const { manifest, definition, parameters } = artifact;
  const { layout, seed } = manifest;
  const state = await decodeTraining(artifact);
  const settings = trainingSettings(definition, seed);
  const labelScaling = scalingOf(manifest);
  const stopwatch = new Stopwatch(() => performance.now());
  const engine = await factory({ definition, layout, seed });
  const model = new RankerModel({
    definition,
    layout,
    parameters,
    scaling: labelScaling,
    tables: new Map([...state.tables].map(([name, bytes]) => [name, parseTable(bytes, name)])),
    engine,
    learningRate: settings.optimizer.rate,
    stopwatch,
  });
  // The tables are parsed once: what remains are the dense weights.
  await engine.load(state.dense).catch(async (error: unknown) => {
    await engine.close();
    throw error;
  });
  return {
    definition,
    layout,
    parameters,
    labelScaling,
    seed,
    engine: engine.kind,
    settings,
    spentMs: () => stopwatch.spentMs(),
    tables: () => model.servedTables(),
    learningTables: () => model.tables,
    denseState: () => model.denseState(),
    trainingState: () => model.state(),
    restore: (to) => model.restore(to),
    score: async (batch) => ({ heads: naturalHeads(labelScaling, await model.predict(batch)) }),
    admit: (batch, nowMs) => model.admit({ batch, times: noTimes }, nowMs),
    expire: (nowMs) => model.expire(nowMs),
    learn: (examples, step) => model.learn(examples, step),
    close: () => engine.close(),
  };
}

const noTimes = new Float64Array(0);

/** What learning goes on from, as it was sealed. */
export async function decodeTraining({ manifest, training }: LoadedArtifact): Promise<ModelState> {
  const { ranker, version } = manifest;
  const take = (name: string): Uint8Array => {
    const bytes = training?.get(name);
    if (bytes !== undefined) return bytes;
    throw new WatchnextError(
      'artifact_missing',
      `${ranker}@${version} was sealed without what learning goes on from.`,
      {
        problems: [
          { path: `training/${name}`, message: 'is not there', hint: `train it again: watchnext train ${ranker}.yaml` },
        ],
      },
    );
  };
  const { arrays } = await decodeSections(take(denseFile), `training/${denseFile}`);
  return {
    dense: arrays as ModelState['dense'],
    tables: new Map(manifest.layout.tables.map(({ name }) => [name, take(`${name}${tableEnding}`)])),
  };
}

/** As it was fitted; JSON has null for a mean of nothing. */
export function scalingOf({ trainer }: Manifest): LabelScaling {
  const scaling = trainer['labelScaling'] as (Omit<LabelScaling[number], 'mean'> & { mean: number | null })[];
  return scaling.map(({ mean, ...task }) => ({ ...task, mean: mean ?? Number.NaN }));
}
