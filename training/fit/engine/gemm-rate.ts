import { InferenceSession, Tensor } from 'onnxruntime-node';
import { tf, trace } from '../../compile/index.js';
import { sessionOptions } from './session.js';

const size = 1024;

export interface GemmProbe {
  /** One product of two 1024 x 1024 float32 matrices: GFLOP/s. */
  measure(): Promise<number>;
  close(): Promise<void>;
}

/** The rate of matrix products in ONNX Runtime on this machine with the engine's settings: what a training step is held against. */
export const createGemmProbe = async (threads: number): Promise<GemmProbe> => {
  const { bytes } = trace({
    name: 'gemm',
    inputs: ['a', 'b'].map((name) => ({ name, dtype: 'float32', shape: [size, size] })),
    // One number instead of a matrix, so that copying the result out is not measured.
    run: ({ a, b }) => ({ largest: tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D).max() }),
  });
  const session = await InferenceSession.create(bytes, sessionOptions(threads));
  const matrix = (phase: number): Tensor =>
    new Tensor(
      'float32',
      Float32Array.from({ length: size * size }, (_, i) => Math.sin(i + phase)),
      [size, size],
    );
  const feeds = { a: matrix(0), b: matrix(1) };
  return {
    async measure() {
      const start = performance.now();
      await session.run(feeds);
      return (2 * size ** 3) / (performance.now() - start) / 1e6;
    },
    close: () => session.release(),
  };
};
