export { createGemmProbe, type GemmProbe } from './gemm-rate.js';
export { createModel } from './model.js';
export { createOnnxEngine } from './onnx.js';
export { compileServingGraph, type ServingGraphOptions } from './serving-graph.js';
export { createTfjsNodeEngine, loadTfjsNode, type TfjsNode } from './tfjs-node.js';
