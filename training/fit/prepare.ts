import type { RankerDefinition } from '../../src/definition/index.js';
import { EmbeddingTable } from '../../src/embeddings/index.js';
import {
  createTransformFitter,
  embeddingLookups,
  type FeatureBatch,
  type FeatureParameters,
  type InputLayout,
} from '../../src/features/index.js';
import type { Examples } from './examples.js';
import { LabelFitter, type LabelScaling } from './labels.js';
import { mixSeeds } from './random.js';
import type { TrainingSettings } from './settings.js';

/** What must be known before the first step. */
export interface Prepared {
  readonly parameters: FeatureParameters;
  readonly scaling: LabelScaling;
  /** By name, with rows for the ids that were met often enough. */
  readonly tables: ReadonlyMap<string, EmbeddingTable>;
}

export interface PrepareOptions {
  readonly definition: RankerDefinition;
  readonly layout: InputLayout;
  readonly settings: TrainingSettings;
  /** The training part, in time order. */
  readonly examples: AsyncIterable<Examples>;
  readonly onProgress: (rows: number) => void;
}

/** One pass over the training part: fits transforms and label scales, admits ids and drops those that expired since. */
export async function prepareTraining(options: PrepareOptions): Promise<Prepared> {
  const { definition, layout, settings, examples, onProgress } = options;
  const transforms = createTransformFitter(definition);
  const labels = new LabelFitter(definition.tasks);
  const tables = createTables(layout, settings);
  let rows = 0;
  let now = 0;
  for await (const part of examples) {
    transforms.observe(part.batch);
    labels.observe(part.labels);
    now = part.times.at(-1) ?? now;
    admitBatch(layout, { tables, batch: part.batch, nowMs: now });
    onProgress((rows += part.batch.rows));
  }
  for (const table of tables.values()) table.expire(now);
  return { parameters: transforms.finish(), scaling: labels.finish(), tables };
}

/** Tells the tables which ids were met: those seen often enough get a row. */
export function admitBatch(layout: InputLayout, met: Met): void {
  const { tables, batch, nowMs } = met;
  for (const { slot, keys } of embeddingLookups(layout, batch)) tables.get(slot.table ?? '')?.admit(keys, nowMs);
}

export interface Met {
  readonly tables: ReadonlyMap<string, EmbeddingTable>;
  readonly batch: FeatureBatch;
  readonly nowMs: number;
}

function createTables(layout: InputLayout, settings: TrainingSettings): Map<string, EmbeddingTable> {
  return new Map(
    layout.tables.map(({ name, dim, minCount, expireMs }, index) => [
      name,
      new EmbeddingTable({
        dim,
        minCount,
        seed: mixSeeds(settings.seed, index),
        init: { kind: 'normal', deviation: settings.embeddingInit },
        optimizer: settings.embeddings,
        penalty: settings.embeddingPenalty,
        ...(expireMs === undefined ? {} : { expireMs }),
        ...(settings.averaging === undefined ? {} : { averaging: settings.averaging }),
      }),
    ]),
  );
}
