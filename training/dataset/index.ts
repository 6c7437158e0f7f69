export { fieldText as sqlField, quoteName as sqlName, quoteText as sqlText } from './columns.js';
export * from './logged/index.js';
export { openDataset } from './open.js';
export { openQueryTable, type QueryTable } from './query-table.js';
export * from './simulation/index.js';
export type * from './types.js';
