export { createOnnxEngine } from './onnx.js';
