import type { RankerDefinition } from '../../src/definition/index.js';
import type { EmbeddingTable } from '../../src/embeddings/index.js';
import type { FeatureBatch, FeatureParameters, InputLayout } from '../../src/features/index.js';
import type { LabelScaling } from './labels.js';
import type { ModelState } from './model.js';
import type { NamedArrays } from './types.js';

/** What a version is sealed from: a ranker just trained, or one that learns on. One call at a time. */
export interface SealableRanker {
  readonly definition: RankerDefinition;
  readonly layout: InputLayout;
  readonly parameters: FeatureParameters;
  readonly labelScaling: LabelScaling;
  readonly seed: number;
  readonly engine: 'onnx' | 'tfjs-node';
  /** The embedding tables as they are served. */
  tables(): ReadonlyMap<string, EmbeddingTable>;
  /** The dense weights, their averages and optimiser state, as the engine names them. */
  denseState(): Promise<NamedArrays>;
  /** All of that and the tables with their optimiser state: what learning goes on from. */
  trainingState(): Promise<ModelState>;
  /** heads [rows, tasks] in natural units: probabilities, and regressions with scaling and log1p undone. */
  score(batch: FeatureBatch): Promise<{ readonly heads: Float32Array }>;
}
