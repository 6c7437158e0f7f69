import { WatchnextError } from '../../src/errors.js';
import { GraphBuilder, opset } from './graph.js';
import type { TensorValues } from './graph.js';
import { kernels } from './kernels/index.js';
import { Attributes, UncoveredVariant } from './kernels/kernel.js';
import type { Operand } from './kernels/kernel.js';
import { callerOf } from './location.js';
import { mergeRecordings } from './merge.js';
import type { Program, ProgramValue } from './merge.js';
import { NodeWriter } from './nodes.js';
import type { DimensionSource } from './nodes.js';
import { encodeModel } from './proto.js';
import { recordRun } from './recorder.js';
import type { RecordedCall } from './recorder.js';
import { kernelNotCovered } from './refusals.js';
import { isFixed, recordingSizes, sizeText } from './sizes.js';
import type { CompiledModel, ElementType, TensorSpec, TraceOptions } from './types.js';

/**
 * Compiles an ordinary tfjs function to an ONNX model that computes the same for every size of its open dimensions.
 *
 * The function runs once per set of example sizes on a backend that records instead of computing; what differs between
 * the recordings is expressed through the open dimensions. tf.grads and optimiser arithmetic inside the function are
 * recorded like everything else. Throws WatchnextError: `kernel_not_covered` with the tfjs op, the kernel and the line;
 * `trace_invalid` when the function reads data, draws random numbers or does other things at other sizes.
 */
export function trace(options: TraceOptions): CompiledModel {
  checkNames(options);
  const dimensions = openDimensions(options.inputs);
  const recordings = recordingSizes([...dimensions.keys()]).map((sizes, run) => recordRun(options, sizes, run === 0));
  const program = mergeRecordings(recordings);
  const graph = new GraphBuilder();
  for (const name of [...Object.keys(program.outputs), ...(options.constants ?? []).map(({ name }) => name)]) {
    graph.reserve(name);
  }
  for (const { name, dtype, shape } of options.inputs) graph.input(name, dtype, shape);
  const operands = emit(program, new NodeWriter(graph, dimensions));
  const outputs: TensorSpec[] = Object.entries(program.outputs).map(([name, index]) => {
    const { dtype, shape } = operandAt(operands, index);
    return { name, dtype, shape: shape.map((size) => (typeof size === 'number' ? size : sizeText(size))) };
  });
  for (const output of outputs)
    graph.output(operandAt(operands, program.outputs[output.name] ?? 0).name, output.name, output);
  const model = graph.build(options.name, options.metadata);
  const ops: Record<string, number> = {};
  for (const { opType } of model.graph.node) ops[opType] = (ops[opType] ?? 0) + 1;
  return { bytes: encodeModel(model), opset, inputs: options.inputs, outputs, ops };
}

/** Each open dimension and the first input that shows its size. */
function openDimensions(inputs: readonly TensorSpec[]): Map<string, DimensionSource> {
  const found = new Map<string, DimensionSource>();
  for (const { name, shape } of inputs) {
    shape.forEach((size, axis) => {
      if (typeof size === 'string' && !found.has(size)) found.set(size, { input: name, axis });
    });
  }
  return found;
}

function checkNames({ inputs, constants = [] }: TraceOptions): void {
  const names = [...inputs, ...constants].map(({ name }) => name);
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  const problems = twice.map((name) => ({ path: name, message: `two inputs or constants are named ${name}` }));
  for (const { name, shape, values } of constants) {
    const elements = shape.reduce((product, size) => product * size, 1);
    if (elements !== values.length) {
      problems.push({
        path: name,
        message: `${name} has ${values.length} values, its shape [${shape.join(', ')}] needs ${elements}`,
      });
    }
  }
  if (problems.length > 0) {
    throw new WatchnextError('trace_invalid', problems.map(({ message }) => message).join('; '), { problems });
  }
}

function operandAt(operands: readonly (Operand | undefined)[], index: number): Operand {
  const operand = operands[index];
  if (operand === undefined) throw new Error(`The traced function uses a tensor that no step of it made (${index}).`);
  return operand;
}

/** Writes every step of the program as nodes; answers the graph value of every recorded tensor. */
function emit(program: Program, write: NodeWriter): (Operand | undefined)[] {
  const operands = program.values.map((value) =>
    value.origin === 'call' ? undefined : { name: leaf(value, write), shape: value.shape, dtype: value.dtype },
  );
  for (const call of program.calls) {
    const names = emitCall(call, { program, operands, write });
    call.outputs.forEach((index, position) => {
      const { shape, dtype } = program.values[index] ?? { shape: [], dtype: 'float32' as const };
      operands[index] = { name: names[position] ?? '', shape, dtype };
    });
  }
  return operands;
}

interface EmitState {
  readonly program: Program;
  readonly operands: readonly (Operand | undefined)[];
  readonly write: NodeWriter;
}

function emitCall(call: RecordedCall, { program, operands, write }: EmitState): readonly string[] {
  const results = call.outputs.map((index) => program.values[index] ?? { shape: [], dtype: 'float32' as const });
  const [result] = results;
  const kernel = kernels[call.kernel];
  if (kernel === undefined || result === undefined) throw new Error(`No emitter for ${call.kernel}.`);
  write.scope = call.scope;
  const at = callerOf(call.at);
  const inputs = Object.entries(call.inputs).map(([name, index]) => [name, operandAt(operands, index)] as const);
  try {
    const names = kernel.emit({
      inputs: Object.fromEntries(inputs),
      attributes: new Attributes(call.attributes, call.kernel, at),
      result,
      results,
      write,
    });
    return typeof names === 'string' ? [names] : names;
  } catch (error) {
    if (!(error instanceof UncoveredVariant)) throw error;
    const op = call.scope.split('/').at(-1) ?? call.kernel;
    throw kernelNotCovered({ kernel: call.kernel, op, at, variant: error.message });
  }
}

function leaf(value: ProgramValue, write: NodeWriter): string {
  const { shape, dtype, name = 'constant' } = value;
  if (value.origin === 'input') return name;
  write.scope = '';
  if (value.fill !== undefined) {
    return write.broadcast({ name: write.number(value.fill, dtype), shape: [], dtype }, shape);
  }
  if (value.elements !== undefined) {
    const parts = value.elements.map((element) =>
      write.node('Unsqueeze', [write.number(element, dtype), write.integers([0])]),
    );
    const vector = { name: write.node('Concat', parts, { axis: 0 }), shape: [parts.length], dtype };
    return write.reshape(vector, shape);
  }
  const values = typedValues(value.values ?? [], dtype);
  if (!isFixed(shape)) throw new Error(`The constant ${name} has no fixed shape.`);
  return value.origin === 'weight' ? write.graph.weight(name, values, shape) : write.graph.constant(values, shape);
}

function typedValues(values: ArrayLike<number>, dtype: ElementType): TensorValues {
  if (dtype === 'float32') return values instanceof Float32Array ? values : Float32Array.from(values);
  if (dtype === 'int32') return values instanceof Int32Array ? values : Int32Array.from(values);
  return Uint8Array.from(values, Number);
}
