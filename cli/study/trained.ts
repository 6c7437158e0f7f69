import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openArtifacts, type LoadedArtifact } from '../../src/artifact/index.js';
import type { RankerDefinition } from '../../src/definition/index.js';
import type { World } from '../../training/dataset/index.js';
import {
  collectExamples,
  createOnnxEngine,
  sealRanker,
  trainRanker,
  type EngineFactory,
  type ExampleLog,
} from '../../training/fit/index.js';
import { logOf, type ShownList } from '../../training/studies/index.js';

/** One thread: the networks of a study are small, and another study may run beside it. */
export const studyEngine: EngineFactory = (options) => createOnnxEngine({ threads: 1, ...options });

export interface TrainOnListsOptions {
  readonly world: World;
  /** In the order of time. */
  readonly lists: readonly ShownList[];
  /** They may differ in network, bias and training, not in features, tasks or labels: the log is read once. */
  readonly definitions: readonly RankerDefinition[];
  readonly seed: number;
  readonly onTrained?: () => void;
}

/** Trains definitions on a log, seals each and loads it again, as a service and a learner would. */
export const trainOnLists = async (options: TrainOnListsOptions): Promise<LoadedArtifact[]> => {
  const { world, lists, definitions, seed, onTrained } = options;
  const [first] = definitions;
  if (first === undefined) return [];
  const dataset = logOf(lists, { world, definition: first });
  const examples = await collectExamples({ definition: first, dataset });
  try {
    const artifacts: LoadedArtifact[] = [];
    for (const definition of definitions) {
      const trained = await trainRanker({ definition, dataset, examples, engine: studyEngine, seed });
      try {
        artifacts.push(await sealed(trained, examples));
      } finally {
        await trained.close();
      }
      onTrained?.();
    }
    return artifacts;
  } finally {
    await examples.close();
  }
};

const sealed = async (
  trained: Awaited<ReturnType<typeof trainRanker>>,
  { sample }: ExampleLog,
): Promise<LoadedArtifact> => {
  const { definition } = trained;
  const directory = await mkdtemp(join(tmpdir(), 'watchnext-study-'));
  try {
    const definitionText = JSON.stringify(definition);
    const { version } = await sealRanker({ trained, directory, definitionText, sample, metrics: {} });
    return await openArtifacts(directory).load(definition.name, version, { training: true });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};
