export { openFairReader, type FairReader, type FairReaderOptions } from './fair-reader.js';
export { openExamplesStream, type ExamplesStreamOptions } from './examples-stream.js';
export { decodeJoined, encodeJoined } from './joined-codec.js';
export { createJoiner, restoreJoiner, type Joiner, type JoinerOptions } from './joiner.js';
export { createMerge, restoreMerge, type Merge, type MergeOptions } from './merge.js';
export { createPipeline, type Pipeline, type PipelineOptions } from './pipeline.js';
export { runJoin, type JoinProgress, type JoinRunOptions } from './run.js';
export { mostBufferedBytes, openJoinedStream, type EventStream, type JoinedStreamOptions } from './stream.js';
export type * from './types.js';
