export { openLogTables } from './open.js';
export type { LogCounts, LogRow, LogTables, LogTablesOptions } from './types.js';
