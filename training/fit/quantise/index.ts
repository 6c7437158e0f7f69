export { quantise, type QuantiseOptions } from './quantise.js';
