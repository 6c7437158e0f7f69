/** The one place that imports tfjs: the full package, because tfjs-core alone registers no gradients in plain Node. */
export * as tf from '@tensorflow/tfjs';
