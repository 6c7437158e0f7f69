export { biasShape, type BiasShape } from './bias.js';
export { concatBatches, requestStarts, selectRequests, selectRows } from './batch.js';
export {
  decodeFeatureBatch,
  encodeFeatureBatch,
  openFeatureBatch,
  type ColumnShape,
  type EncodedBatch,
} from './codec/batch-codec.js';
export { concatEncoded } from './codec/concat-encoded.js';
export { checksum } from './codec/checksum.js';
export {
  decodeFrame,
  encodeFrame,
  frameBegin,
  frameBytes,
  frameChecksum,
  readFrame,
  type Format,
  type Frame,
  type FrameArray,
} from './codec/frame.js';
export { createFeatureCounters } from './counters.js';
export { createEncoder, embeddingLookups, type EncoderOptions, type Encoder } from './encoder.js';
export { Moments } from './fitting/moments.js';
export { createTransformFitter, type TransformFitter } from './fitting/transform-fitter.js';
export { defaultRatePrior } from './kinds/rate.js';
export { hashId } from './hash.js';
export { fieldsOf, Known, type Candidate, type FieldSource } from './known.js';
export { inputLayout } from './layout.js';
export { createFeatureReader, type FeatureReader, type ReaderOptions } from './reader.js';
export { outcomeDescriber, type DescribedOutcomes } from './state/described.js';
export { statefulFeatures } from './state/shapes.js';
export { fieldsOfState } from './state/reads.js';
export { createFeatureState, restoreFeatureState, type FeatureState } from './state/state.js';
export { openLmdbStore } from './stores/lmdb.js';
export { openMarks, type Mark, type Marks } from './stores/marks.js';
export { openRedisStore, type RedisStoreOptions } from './stores/redis.js';
export { createMemoryStore } from './stores/memory.js';
export type * from './types.js';
export { isEmpty, isList, isMissing, numberOf, textOf } from './fields.js';
export { instantReader } from './instant.js';
export { zoneOf } from './zone.js';
