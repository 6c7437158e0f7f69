export * from './logged/index.js';
export { openDataset } from './open.js';
export * from './simulation/index.js';
export type * from './types.js';
