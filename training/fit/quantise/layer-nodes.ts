import { attributeTypes, elementTypes } from '../../compile/index.js';
import type { HiddenLayer, RequestPart } from './layers.js';
import { quantiseWeights, type QuantisedWeights } from './scales.js';
import { runtimeDomain, type NodeWriter } from './writer.js';

/** A value in bytes: what it says is (byte - zero) x step x divisor of the column. */
export interface ByteValue {
  readonly name: string;
  readonly step: number;
  readonly zero: number;
  readonly divisors: Float32Array; // [columns]
}

/** No sum begins further out than this: the product must fit into 32 bits beside it. */
const mostUnits = 2 ** 30;
/** As bytes say it, of inputs that have both signs. */
const mostFromZero = 128;

/** Divides the columns, rounds to steps, and cuts off what is further than 127 of them. */
export const toBytes = (write: NodeWriter, value: string, form: Omit<ByteValue, 'name'>): ByteValue => {
  const { divisors, step, zero } = form;
  const factors = write.constant(
    divisors.map((divisor) => 1 / divisor),
    [1, divisors.length],
  );
  const scaled = write.node('Mul', [value, factors]);
  return { ...form, name: write.node('QuantizeLinear', [scaled, number(write, step), byte(write, zero)]) };
};

export interface LayerInputs {
  readonly rows: ByteValue;
  readonly request?: ByteValue;
}

/**
 * A hidden layer on bytes: sums in whole numbers of 32 bits are exact, hence the same in every order and on every processor.
 * The request's part and the bias begin the sum, in units of the rows' product. The rectified sum is handed on in bytes
 * where `as` says how, else in float32.
 */
export const layerOnBytes = (
  write: NodeWriter,
  { weights, bias, ofRequest, output }: HiddenLayer,
  { rows, request }: LayerInputs,
  as?: ByteValue,
): void => {
  const once = ofRequest &&
    request && { ...ofRequest, request, rounded: quantiseWeights(ofRequest.weights, request.divisors) };
  const begin = farthestBeginning(weights.dims[1] ?? 0, { bias, once });
  const least = begin.map((farthest) => farthest / (mostUnits * rows.step));
  const { dims, values, steps } = quantiseWeights(weights, rows.divisors, least);
  const units = steps.map((step) => step * rows.step);
  const inUnits = (bias ?? new Float32Array(units.length)).map((value, column) => value / (units[column] ?? 1));
  const start =
    once === undefined
      ? write.constant(Int32Array.from(inUnits, (value) => Math.round(value)))
      : ofRequestInUnits(write, { ...once, units, inUnits });
  const width = steps.length;
  const scales = as === undefined ? steps : steps.map((step, column) => step / (as.divisors[column] ?? 1));
  const product = [
    ...[rows.name, number(write, rows.step), byte(write, rows.zero)],
    ...[write.constant(values, dims), write.constant(scales), write.constant(new Int8Array(width)), start],
  ];
  if (as === undefined) write.node('Relu', [gemm(write, product)], output);
  // No byte is below zero: that rectifies it.
  else gemm(write, [...product, number(write, as.step), byte(write, as.zero)], as.name);
};

/** What of a sum is computed once per request, its weights rounded. */
interface OncePerRequest extends RequestPart {
  readonly request: ByteValue;
  readonly rounded: QuantisedWeights;
}

/** [width] how far from zero sums can begin at most, whatever the request. */
const farthestBeginning = (
  width: number,
  { bias, once }: { readonly bias: Float32Array | undefined; readonly once: OncePerRequest | undefined },
): Float32Array => {
  const farthest = new Float32Array(width);
  once?.rounded.values.forEach((value, at) => ((farthest[at % width] as number) += mostFromZero * Math.abs(value)));
  return farthest.map(
    (sum, column) =>
      sum * (once?.rounded.steps[column] ?? 0) * (once?.request.step ?? 0) + Math.abs(bias?.[column] ?? 0),
  );
};

interface RequestSum extends OncePerRequest {
  readonly units: Float32Array;
  readonly inUnits: Float32Array;
}

/** [rows, width] whole numbers: the request's product and the bias, once per request, handed to its rows. */
const ofRequestInUnits = (write: NodeWriter, { request, rounded, requestOf, units, inUnits }: RequestSum): string => {
  const { dims, values, steps } = rounded;
  const scales = steps.map((step, column) => step / (units[column] ?? 1));
  const product = gemm(write, [
    ...[request.name, number(write, request.step), byte(write, request.zero)],
    ...[write.constant(values, dims), write.constant(scales), write.constant(new Int8Array(scales.length))],
  ]);
  const sum = write.node('Add', [product, write.constant(inUnits)]);
  const whole = write.node('Cast', [write.node('Round', [sum])], undefined, {
    attribute: [{ name: 'to', type: attributeTypes.int, i: elementTypes.int32 }],
  });
  return write.node('Gather', [whole, requestOf]);
};

const gemm = (write: NodeWriter, input: readonly string[], output?: string): string =>
  write.node('QGemm', input, output, { domain: runtimeDomain });

const number = (write: NodeWriter, value: number): string => write.constant(Float32Array.of(value), []);
const byte = (write: NodeWriter, value: number): string => write.constant(Uint8Array.of(value), []);
