import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openArtifacts, type LoadedArtifact } from '../../src/artifact/index.js';
import type { RankerDefinition } from '../../src/definition/index.js';
import type { Dataset } from '../../training/dataset/index.js';
import {
  createOnnxEngine,
  sealRanker,
  trainRanker,
  type EngineFactory,
  type ExampleLog,
} from '../../training/fit/index.js';

/** One thread: the networks of a study are small, and another study may run beside it. */
export const studyEngine: EngineFactory = (options) => createOnnxEngine({ threads: 1, ...options });

export interface TrainSealedOptions {
  readonly definition: RankerDefinition;
  readonly dataset: Pick<Dataset, 'requests' | 'count'>;
  /** Read once for all rankers that differ in network and training only. */
  readonly examples: ExampleLog;
  readonly seed: number;
}

/** Trains a definition on a log, seals it and loads it again, as a service and a learner would. */
export const trainSealed = async ({
  definition,
  dataset,
  examples,
  seed,
}: TrainSealedOptions): Promise<LoadedArtifact> => {
  const trained = await trainRanker({ definition, dataset, examples, engine: studyEngine, seed });
  const directory = await mkdtemp(join(tmpdir(), 'watchnext-study-'));
  try {
    const { version } = await sealRanker({
      trained,
      directory,
      definitionText: JSON.stringify(definition),
      sample: examples.sample,
      metrics: {},
    });
    return await openArtifacts(directory).load(definition.name, version, { training: true });
  } finally {
    await trained.close();
    await rm(directory, { recursive: true, force: true });
  }
};
