import { openArtifacts, sealArtifact, type LoadedArtifact } from '../../src/artifact/index.js';
import type { EmbeddingTable } from '../../src/embeddings/index.js';
import { createEncoder } from '../../src/features/index.js';
import { openGraph } from '../../src/inference/index.js';

/** The heads that a version gives for its golden rows once its tables have changed. */
export const goldenHeads = async ({
  definition,
  parameters,
  tables,
  golden,
  graph,
}: Pick<LoadedArtifact, 'definition' | 'parameters' | 'tables' | 'golden' | 'graph'>): Promise<Float32Array> => {
  const session = await openGraph(graph, 'cpu');
  try {
    return (await session.run(createEncoder({ definition, parameters, tables }).encode(golden.batch))).heads;
  } finally {
    await session.release();
  }
};

/** Seals what this artefact has become, as a new version; it is not active. */
export const sealAgain = async (models: string, artifact: LoadedArtifact, nowMs: number): Promise<string> => {
  const { manifest, graph, parameters, tables, state, golden } = artifact;
  const { definition, data, seed, metrics, trainer } = manifest;
  const { version } = await sealArtifact({
    directory: models,
    nowMs,
    model: {
      ...{ graph, parameters, tables, state },
      golden: { batch: golden.batch, heads: await goldenHeads(artifact) },
    },
    facts: {
      definition: { text: definition.text, value: artifact.definition },
      ...{ graph: manifest.graph, data, seed, metrics, trainer },
    },
  });
  return version;
};

/** A version with other tables, made active. */
export const changeTables = async (options: {
  readonly models: string;
  readonly ranker: string;
  readonly change: (tables: ReadonlyMap<string, EmbeddingTable>) => void;
}): Promise<string> => {
  const { models, ranker, change } = options;
  const artifacts = openArtifacts(models);
  const artifact = await artifacts.load(ranker);
  change(artifact.tables);
  const version = await sealAgain(models, artifact, Date.now());
  await artifacts.activate(ranker, version);
  return version;
};
