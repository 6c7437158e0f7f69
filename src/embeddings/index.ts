export { attachTable, EmbeddingTable, parseTable } from './table.js';
export type {
  AccumulateOptions,
  Bags,
  EmbeddingReader,
  PoolOptions,
  RowInit,
  SparseOptimizerOptions,
  TableHandle,
  TableOptions,
} from './types.js';
