export { axis, colours, draw, frame } from './draw.js';
export { markdownTable } from './table.js';
