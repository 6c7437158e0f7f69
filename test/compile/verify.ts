import { withBackend } from '../../training/compile/backend.js';
import { tf, type CompiledModel, type ConstantSpec, type TraceOptions } from '../../training/compile/index.js';

/** A tensor's elements (bool as 0 and 1) and its shape. */
export interface TensorData {
  readonly data: Float32Array | Int32Array | Uint8Array;
  readonly shape: readonly number[];
}

export type NamedTensors = Readonly<Record<string, TensorData>>;

/** Runs a serialised model once. */
export type ModelRunner = (bytes: Uint8Array, feeds: NamedTensors) => Promise<NamedTensors>;

export interface Difference {
  /** Largest |compiled - tfjs|. */
  readonly maxAbsolute: number;
  /** maxAbsolute divided by the largest magnitude in the output. */
  readonly maxRelative: number;
}

export interface Verification extends Difference {
  readonly outputs: Readonly<Record<string, Difference>>;
}

export interface VerifyOptions {
  readonly model: CompiledModel;
  /** The traced function and its weights, as passed to trace. */
  readonly traced: Pick<TraceOptions, 'run' | 'constants'>;
  readonly samples: readonly NamedTensors[];
  readonly execute: ModelRunner;
}

/**
 * Runs the function on tfjs's cpu backend and the compiled model on the given runtime, for every sample, and answers how
 * far they are apart. An output that is missing, or has another shape, or is not finite where the other is, is infinitely far.
 */
export async function verifyCompiled({ model, traced, samples, execute }: VerifyOptions): Promise<Verification> {
  const outputs: Record<string, Difference> = {};
  for (const sample of samples) {
    const expected = runOnCpu(traced, sample);
    const actual = await execute(model.bytes, sample);
    for (const [name, tensor] of Object.entries(expected)) {
      outputs[name] = larger(outputs[name], difference(tensor, actual[name]));
    }
  }
  return {
    ...Object.values(outputs).reduce((sum, item) => larger(sum, item), { maxAbsolute: 0, maxRelative: 0 }),
    outputs,
  };
}

function larger(a: Difference | undefined, b: Difference): Difference {
  return {
    maxAbsolute: Math.max(a?.maxAbsolute ?? 0, b.maxAbsolute),
    maxRelative: Math.max(a?.maxRelative ?? 0, b.maxRelative),
  };
}

/** The function's own answer, computed eagerly; leaves no tensors behind and the backend as it was. */
function runOnCpu({ run, constants = [] }: VerifyOptions['traced'], sample: NamedTensors): NamedTensors {
  const results: Record<string, TensorData> = {};
  const leaf = ({ values, shape }: ConstantSpec): tf.Tensor =>
    tf.tensor(values, [...shape], values instanceof Int32Array ? 'int32' : 'float32');
  const given = ({ data, shape }: TensorData): tf.Tensor =>
    tf.tensor(
      data,
      [...shape],
      data instanceof Float32Array ? 'float32' : data instanceof Int32Array ? 'int32' : 'bool',
    );
  withBackend('cpu', () =>
    tf.tidy(() => {
      const tensors = {
        ...Object.fromEntries(constants.map((constant) => [constant.name, leaf(constant)])),
        ...Object.fromEntries(Object.entries(sample).map(([name, tensor]) => [name, given(tensor)])),
      };
      for (const [name, tensor] of Object.entries(run(tensors))) {
        results[name] = { data: tensor.dataSync().slice(), shape: tensor.shape };
      }
    }),
  );
  return results;
}

function difference(expected: TensorData, actual: TensorData | undefined): Difference {
  const apart = { maxAbsolute: Number.POSITIVE_INFINITY, maxRelative: Number.POSITIVE_INFINITY };
  if (actual?.shape.join() !== expected.shape.join()) return apart;
  let maxAbsolute = 0;
  let magnitude = 0;
  for (const [index, value] of expected.data.entries()) {
    const other = Number(actual.data[index]);
    if (Object.is(value, other) || value === other) continue;
    const distance = Math.abs(value - other);
    if (!Number.isFinite(distance)) return apart;
    maxAbsolute = Math.max(maxAbsolute, distance);
  }
  for (const value of expected.data) if (Number.isFinite(value)) magnitude = Math.max(magnitude, Math.abs(value));
  return { maxAbsolute, maxRelative: maxAbsolute === 0 ? 0 : maxAbsolute / Math.max(magnitude, 1e-30) };
}
