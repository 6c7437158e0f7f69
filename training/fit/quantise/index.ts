export { quantise, type QuantiseOptions } from './quantise.js';
export { farthestByColumn } from './ranges.js';
