export { attachTable, EmbeddingTable, encodeTable, parseTable } from './table.js';
export type {
  AccumulateOptions,
  Bags,
  EmbeddingReader,
  PoolOptions,
  RowInit,
  SharedMemory,
  SparseOptimizerOptions,
  TableChanges,
  TableHandle,
  TableOptions,
  TableSnapshot,
} from './types.js';
