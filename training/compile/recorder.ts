import type { WatchnextError } from '../../src/errors.js';
import { withBackend } from './backend.js';
import { kernels } from './kernels/index.js';
import { Attributes, UncoveredVariant } from './kernels/kernel.js';
import type { Kernel, RecordedInputs, Typed } from './kernels/kernel.js';
import { callerOf, withDeepStacks } from './location.js';
import { kernelNotCovered, traceInvalid } from './refusals.js';
import type { OpenSizes } from './sizes.js';
import { tf } from './tfjs.js';
import type { ElementType, TraceOptions } from './types.js';

/** A tensor seen while recording: where it came from and, for constants, what is in it. */
export interface RecordedValue extends Typed {
  readonly origin: 'input' | 'weight' | 'constant' | 'call';
  /** The input's or weight's name. */
  readonly name?: string;
  readonly values?: ArrayLike<number>;
  /** Carries the stack of the line that made it. */
  readonly at: Error | undefined;
}

export interface RecordedCall {
  readonly kernel: string;
  /** Positions in the recording's values, by the kernel's own input names. */
  readonly inputs: Readonly<Record<string, number>>;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly outputs: readonly number[];
  /** The tfjs scopes around the call, outermost first, e.g. `tower/sigmoid`. */
  readonly scope: string;
  readonly at: Error | undefined;
}

/** One run of the function at given sizes: everything it did, in order. */
export interface Recording {
  readonly sizes: OpenSizes;
  readonly values: readonly RecordedValue[];
  readonly calls: readonly RecordedCall[];
  readonly outputs: Readonly<Record<string, number>>;
}

type DataId = tf.DataId;
const backendName = 'watchnext-recorder';

const isElementType = (dtype: string): dtype is ElementType => ['float32', 'int32', 'bool'].includes(dtype);

/** A tfjs backend that computes nothing: tensors are numbers in a list, kernels are entries in another. */
class RecordingBackend extends tf.KernelBackend {
  values: RecordedValue[] = [];
  calls: RecordedCall[] = [];
  /** Remembers the stack of every step; once is enough, and stacks are most of the cost. */
  withStacks = true;
  failure: WatchnextError | undefined;
  #indices = new Map<DataId, number>();
  #references = new Map<DataId, number>();

  /** Forgets the last recording. */
  clear(): void {
    this.values = [];
    this.calls = [];
    this.failure = undefined;
    this.#indices = new Map();
    this.#references = new Map();
  }

  add(value: Omit<RecordedValue, 'at'>): DataId {
    const dataId = {};
    this.#indices.set(dataId, this.values.length);
    this.#references.set(dataId, 1);
    this.values.push({ ...value, at: this.here() });
    return dataId;
  }

  here(): Error | undefined {
    return this.withStacks ? new Error() : undefined;
  }

  /** The tensor's place in the recording; a tensor made outside joins as a constant. */
  indexOf(info: tf.TensorInfo): number {
    const known = this.#indices.get(info.dataId);
    if (known !== undefined) return known;
    const values = tf.engine().readSync(info.dataId);
    this.#indices.set(info.dataId, this.values.length);
    this.values.push(this.#constant(values, info.shape, info.dtype));
    return this.values.length - 1;
  }

  #constant(values: tf.BackendValues, shape: readonly number[], dtype: string): RecordedValue {
    const numbers = values as ArrayLike<number>;
    if (!isElementType(dtype)) {
      throw traceInvalid(`A tensor of type ${dtype} cannot enter an ONNX model; float32, int32 and bool can.`);
    }
    return { origin: 'constant', shape, dtype, values: numbers, at: this.here() };
  }

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): DataId {
    return this.add(this.#constant(values, shape, dtype));
  }

  override move(dataId: DataId, values: tf.BackendValues, shape: number[], dtype: tf.DataType): void {
    this.#indices.set(dataId, this.values.length);
    this.#references.set(dataId, 1);
    this.values.push(this.#constant(values, shape, dtype));
  }

  override readSync(dataId: DataId): tf.BackendValues {
    const value = this.#constantData(dataId);
    if (value === undefined) throw dataRead();
    return value;
  }

  /** tensor.data() would wrap an error into a promise nobody awaits: it is kept and thrown when the function is done. */
  override read(dataId: DataId): Promise<tf.BackendValues> {
    const value = this.#constantData(dataId);
    if (value !== undefined) return Promise.resolve(value);
    this.failure ??= dataRead();
    return new Promise(() => undefined);
  }

  #constantData(dataId: DataId): tf.BackendValues | undefined {
    const value = this.values[this.#indices.get(dataId) ?? -1];
    return value?.origin === 'constant' ? (value.values as tf.BackendValues) : undefined;
  }

  override disposeData(dataId: DataId, force = false): boolean {
    const left = (this.#references.get(dataId) ?? 1) - 1;
    this.#references.set(dataId, left);
    if (left > 0 && !force) return false;
    this.#references.delete(dataId);
    this.#indices.delete(dataId);
    return true;
  }

  override incRef(dataId: DataId): void {
    this.#references.set(dataId, this.refCount(dataId) + 1);
  }

  override refCount(dataId: DataId): number {
    return this.#references.get(dataId) ?? 0;
  }

  override numDataIds(): number {
    return this.#references.size;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: false };
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override timerAvailable(): boolean {
    return false;
  }

  override dispose(): void {
    this.clear();
  }
}

function dataRead(): WatchnextError {
  return traceInvalid(
    'The traced function reads the data of a tensor (data, dataSync, array, print …), but while tracing there is no data.',
    'Compute with tensors only: tf.where instead of if, an input instead of a read value.',
  );
}

const scopeNames = (): string[] =>
  tf
    .engine()
    .state.scopeStack.map(({ name }) => name.replace(/__op$/, ''))
    .filter((name) => name !== '' && name !== 'default' && name !== 'unnamed scope' && name !== 'gradients');

function notCovered(kernel: string): WatchnextError {
  return kernelNotCovered({ kernel, op: scopeNames().at(-1) ?? kernel, at: callerOf(new Error()) });
}

function record(backend: RecordingBackend, kernel: string, call: Parameters<tf.KernelFunc>[0]): tf.TensorInfo[] {
  const definition = kernels[kernel];
  if (definition === undefined) throw notCovered(kernel);
  const given = Object.entries(call.inputs).flatMap(([name, info]) => (info == null ? [] : [[name, info] as const]));
  const inputs = Object.fromEntries(given.map(([name, info]) => [name, backend.indexOf(info)]));
  const attributes: Readonly<Record<string, unknown>> = { ...call.attrs };
  const typed = Object.fromEntries(
    Object.entries(inputs).map(([name, index]) => [
      name,
      backend.values[index] ?? { shape: [], dtype: 'float32' as const },
    ]),
  );
  const results = inferred(definition, { inputs: typed, attributes: new Attributes(attributes, kernel) }, kernel);
  const infos = (Array.isArray(results) ? results : [results]).map(({ shape, dtype }: Typed) => ({
    dataId: backend.add({ origin: 'call', shape, dtype }),
    shape: [...shape],
    dtype,
  }));
  const outputs = infos.map((info) => backend.indexOf(info));
  backend.calls.push({ kernel, inputs, attributes, outputs, scope: scopeNames().join('/'), at: backend.here() });
  return infos;
}

function inferred(definition: Kernel, call: RecordedInputs, kernel: string): Typed | readonly Typed[] {
  try {
    return definition.infer(call);
  } catch (error) {
    if (!(error instanceof UncoveredVariant)) throw error;
    throw kernelNotCovered({
      kernel,
      op: scopeNames().at(-1) ?? kernel,
      at: callerOf(new Error()),
      variant: error.message,
    });
  }
}

let registered: RecordingBackend | undefined;

/** Registers the backend once; kernels that tfjs knows and the compiler does not get one that says so. */
function recordingBackend(): RecordingBackend {
  if (registered !== undefined) return registered;
  const backend = new RecordingBackend();
  tf.registerBackend(backendName, () => backend, 0);
  const known = tf.getKernelsForBackend('cpu').map(({ kernelName }) => kernelName);
  for (const kernelName of new Set([...Object.keys(kernels), ...known])) {
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: (call) => {
        const infos = record(backend, kernelName, call);
        return infos.length === 1 && kernels[kernelName]?.many !== true ? (infos[0] ?? infos) : infos;
      },
    });
  }
  registered = backend;
  return backend;
}

/** Runs the function once at the given sizes. Leaves tfjs as it was, whatever happens. */
export function recordRun(options: TraceOptions, sizes: OpenSizes, withStacks: boolean): Recording {
  const backend = recordingBackend();
  if (tf.getBackend() === backendName) throw traceInvalid('trace was called inside a traced function.');
  backend.clear();
  backend.withStacks = withStacks;
  try {
    const outputs: Record<string, number> = {};
    withBackend(backendName, () =>
      withDeepStacks(() =>
        tf.tidy(() => {
          for (const [name, tensor] of Object.entries(options.run(leaves(backend, options, sizes)))) {
            outputs[name] = backend.indexOf(tensor);
          }
        }),
      ),
    );
    if (backend.failure !== undefined) throw backend.failure;
    return { sizes, values: backend.values, calls: backend.calls, outputs };
  } catch (error) {
    const missing = /Kernel '(\w+)' not registered/.exec(error instanceof Error ? error.message : '')?.[1];
    throw missing === undefined ? error : notCovered(missing);
  } finally {
    backend.clear();
  }
}

/** The function's arguments: inputs at these sizes, and weights. */
function leaves(backend: RecordingBackend, options: TraceOptions, sizes: OpenSizes): Record<string, tf.Tensor> {
  const make = (value: Omit<RecordedValue, 'at'>): tf.Tensor =>
    tf.engine().makeTensorFromTensorInfo({ dataId: backend.add(value), shape: [...value.shape], dtype: value.dtype });
  const tensors: Record<string, tf.Tensor> = {};
  for (const { name, dtype, shape } of options.inputs) {
    const concrete = shape.map((size) => (typeof size === 'number' ? size : (sizes[size] ?? 0)));
    tensors[name] = make({ origin: 'input', name, dtype, shape: concrete });
  }
  for (const { name, shape, values } of options.constants ?? []) {
    tensors[name] = make({
      origin: 'weight',
      name,
      shape,
      values,
      dtype: values instanceof Int32Array ? 'int32' : 'float32',
    });
  }
  return tensors;
}
