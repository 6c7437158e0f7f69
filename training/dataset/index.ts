export { openDataset } from './open.js';
export type * from './types.js';
