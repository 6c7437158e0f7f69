import { InferenceSession, Tensor } from 'onnxruntime-node';
import { trace, type ElementType, type TensorSpec, type TraceOptions } from '../../training/compile/index.js';
import { verifyCompiled, type ModelRunner, type NamedTensors, type TensorData, type Verification } from './verify.js';

/** Runs a model on ONNX Runtime's CPU provider. */
export const runOnnx: ModelRunner = async (bytes, feeds) => {
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3 });
  try {
    const wanted = session.inputNames.map((name) => [name, toTensor(feeds[name]!)] as const);
    const results = await session.run(Object.fromEntries(wanted));
    return Object.fromEntries(
      Object.entries(results).map(([name, { data, dims }]) => [
        name,
        { data: data as TensorData['data'], shape: dims },
      ]),
    );
  } finally {
    await session.release();
  }
};

function toTensor({ data, shape }: TensorData): Tensor {
  if (data instanceof Float32Array) return new Tensor('float32', data, shape);
  if (data instanceof Int32Array) return new Tensor('int32', data, shape);
  return new Tensor('bool', data, shape);
}

/** A small generator of its own (mulberry32), so that samples do not depend on the code under test. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What values an input takes; [low, high), default [-2, 2) for floats and [0, 3) for integers. */
export type Interval = readonly [number, number];

export function sampleOf(
  inputs: readonly TensorSpec[],
  options: { sizes: Readonly<Record<string, number>>; seed: number; ranges?: Readonly<Record<string, Interval>> },
): NamedTensors {
  const random = seeded(options.seed);
  return Object.fromEntries(
    inputs.map(({ name, dtype, shape }) => {
      const concrete = shape.map((size) => (typeof size === 'number' ? size : options.sizes[size]!));
      const count = concrete.reduce((product, size) => product * size, 1);
      const [low, high] =
        options.ranges?.[name] ?? (dtype === 'float32' ? [-2, 2] : dtype === 'int32' ? [0, 3] : [0, 2]);
      return [name, { data: arrayOf(dtype, count, () => low + random() * (high - low)), shape: concrete }];
    }),
  );
}

function arrayOf(dtype: ElementType, count: number, value: () => number): TensorData['data'] {
  if (dtype === 'float32') return Float32Array.from({ length: count }, value);
  const whole = () => Math.floor(value());
  return dtype === 'int32' ? Int32Array.from({ length: count }, whole) : Uint8Array.from({ length: count }, whole);
}

/** Traces and compares with tfjs at two batch sizes, neither of which the tracer used. */
export async function compareWithTfjs(
  options: TraceOptions,
  ranges: Readonly<Record<string, Interval>> = {},
): Promise<Verification> {
  const samples = [
    { rows: 4, requests: 2 },
    { rows: 7, requests: 3 },
  ].map((sizes, seed) => sampleOf(options.inputs, { sizes, seed: seed + 1, ranges }));
  return verifyCompiled({ model: trace(options), traced: options, samples, execute: runOnnx });
}
