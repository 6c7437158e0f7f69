export { axis, colours, draw, frame } from './draw.js';
