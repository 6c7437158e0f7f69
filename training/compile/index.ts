export { tf } from './tfjs.js';
export { trace } from './trace.js';
export { attributeTypes, decodeModel, elementTypes, encodeModel } from './proto.js';
export { GraphBuilder } from './graph.js';
export type * from './types.js';
export type * from './proto.js';
export type { AttributeValue, NodeOptions, TensorValues } from './graph.js';
