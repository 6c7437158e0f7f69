import { openArtifacts } from '../../src/artifact/index.js';
import type { RankerDefinition } from '../../src/definition/index.js';
import { collectExamples, createOnnxEngine, sealRanker, trainRanker } from '../../training/fit/index.js';
import type { LoggedRequest } from '../../training/dataset/index.js';
import { datasetOf, smallRanker } from '../fit/world.js';

/**
 * The small ranker. It waits longer for feedback than a service needs to come back; seconds watched are summed, so that what
 * counts twice shows.
 */
export const definition: RankerDefinition = {
  ...smallRanker({ batch: 32, optimizer: { kind: 'adam', rate: 0.003 } }),
  labels: { click: { wait: '10m' }, watch: { wait: '10m', take: 'sum' } },
  stream: { out_of_order: '1s', batch_span: '1s', publish: '1s', checkpoint: '1s', seal: '1h' },
};

/** Trains on the log and makes the version active; answers it. */
export async function sealInto(directory: string, log: readonly LoggedRequest[]): Promise<string> {
  const dataset = datasetOf(log);
  const examples = await collectExamples({ definition, dataset });
  const trained = await trainRanker({ definition, dataset, engine: createOnnxEngine, examples });
  try {
    const { version } = await sealRanker({
      trained,
      directory,
      definitionText: JSON.stringify(definition),
      sample: examples.sample,
      metrics: {},
      nowMs: Date.UTC(2024, 1, 1),
    });
    await openArtifacts(directory).activate(definition.name, version);
    return version;
  } finally {
    await trained.close();
    await examples.close();
  }
}
