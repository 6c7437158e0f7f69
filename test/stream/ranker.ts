import type { LoadedArtifact } from '../../src/artifact/index.js';
import type { RankerDefinition } from '../../src/definition/index.js';
import { inputLayout, restoreFeatureState, type FeatureState } from '../../src/features/index.js';
import { resumeRanker, trainRanker, type EngineFactory, type ResumedRanker } from '../../training/fit/index.js';
import { encodeTraining } from '../../training/fit/resumed.js';
import { createLearner, type Learner, type LearnerOptions } from '../../training/stream/learner.js';
import { createWindows, type Windows } from '../../training/stream/windows.js';
import { LinearEngine } from '../fit/linear-engine.js';
import { datasetOf, simulatedLog } from '../fit/world.js';

const linear: EngineFactory = (options) => Promise.resolve(new LinearEngine(options));

/** A version in memory, trained a little on the linear engine: enough of it to learn on. */
export async function linearArtifact(
  definition: RankerDefinition,
  log = simulatedLog({ requests: 60 }),
): Promise<LoadedArtifact> {
  const trained = await trainRanker({ definition, dataset: datasetOf(log), engine: linear });
  const batch = trained.reader.read(log.slice(0, 5));
  const golden = { batch, heads: (await trained.score(batch)).heads };
  const training = encodeTraining(await trained.trainingState());
  const { seed, labelScaling, parameters } = trained;
  const manifest = {
    ranker: definition.name,
    version: '20240101T000000Z-000000',
    layout: inputLayout(definition),
    seed,
    trainer: JSON.parse(JSON.stringify({ labelScaling })) as Record<string, unknown>,
  };
  return {
    manifest: manifest as unknown as LoadedArtifact['manifest'],
    definition,
    graph: new Uint8Array(0),
    parameters,
    tables: trained.tables(),
    state: trained.featureState.snapshot(),
    golden,
    training,
    reports: new Map(),
    chain: { previous: '', sequence: 0 } as unknown as LoadedArtifact['chain'],
  };
}

/** Everything around a learner that learns on from a version. */
export interface Learning {
  readonly ranker: ResumedRanker;
  readonly state: FeatureState;
  readonly windows: Windows;
  readonly learner: Learner;
  readonly engine: LinearEngine;
}

export async function learningOn(
  artifact: LoadedArtifact,
  options: Partial<LearnerOptions> & { prepare?: (engine: LinearEngine) => void } = {},
): Promise<Learning> {
  const { prepare, ...rest } = options;
  let engine: LinearEngine | undefined;
  const ranker = await resumeRanker({
    artifact,
    engine: async (made) => {
      const linearEngine = await Promise.resolve(new LinearEngine(made));
      prepare?.(linearEngine);
      engine = linearEngine;
      return linearEngine;
    },
  });
  const state = restoreFeatureState(artifact.definition, artifact.state);
  const windows = createWindows({ definition: artifact.definition });
  const learner = createLearner({ ranker, state, windows, like: artifact.golden.batch, ...rest });
  return { ranker, state, windows, learner, engine: engine! };
}

/** Everything that learning changed, as text. */
export async function bitsOf({ ranker, state, windows, learner }: Omit<Learning, 'engine'>): Promise<string> {
  await learner.settled();
  const { dense, tables } = await ranker.trainingState();
  const parts = [...dense.values(), ...tables.values(), state.snapshot(), windows.snapshot()];
  const bytes = parts.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength));
  return [JSON.stringify(learner.place), ...bytes.map((part) => part.toString('base64'))].join('\n');
}
