export { tf } from './tfjs.js';
export type * from './types.js';
