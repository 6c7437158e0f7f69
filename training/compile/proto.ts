import protobuf from 'protobufjs';

/** The part of ONNX's schema that models need: field name to [number, type], `*` for repeated. */
const schema: Readonly<Record<string, Readonly<Record<string, readonly [number, string]>>>> = {
  ModelProto: {
    irVersion: [1, 'int64'],
    producerName: [2, 'string'],
    producerVersion: [3, 'string'],
    domain: [4, 'string'],
    modelVersion: [5, 'int64'],
    docString: [6, 'string'],
    graph: [7, 'GraphProto'],
    opsetImport: [8, 'OperatorSetIdProto*'],
    metadataProps: [14, 'StringStringEntryProto*'],
  },
  OperatorSetIdProto: { domain: [1, 'string'], version: [2, 'int64'] },
  StringStringEntryProto: { key: [1, 'string'], value: [2, 'string'] },
  GraphProto: {
    node: [1, 'NodeProto*'],
    name: [2, 'string'],
    initializer: [5, 'TensorProto*'],
    input: [11, 'ValueInfoProto*'],
    output: [12, 'ValueInfoProto*'],
  },
  NodeProto: {
    input: [1, 'string*'],
    output: [2, 'string*'],
    name: [3, 'string'],
    opType: [4, 'string'],
    attribute: [5, 'AttributeProto*'],
    domain: [7, 'string'],
  },
  AttributeProto: {
    name: [1, 'string'],
    f: [2, 'float'],
    i: [3, 'int64'],
    s: [4, 'bytes'],
    t: [5, 'TensorProto'],
    floats: [7, 'float*'],
    ints: [8, 'int64*'],
    type: [20, 'int32'],
  },
  TensorProto: { dims: [1, 'int64*'], dataType: [2, 'int32'], name: [8, 'string'], rawData: [9, 'bytes'] },
  ValueInfoProto: { name: [1, 'string'], type: [2, 'TypeProto'] },
  TypeProto: { tensorType: [1, 'TensorTypeProto'] },
  TensorTypeProto: { elemType: [1, 'int32'], shape: [2, 'TensorShapeProto'] },
  TensorShapeProto: { dim: [1, 'DimensionProto*'] },
  DimensionProto: { dimValue: [1, 'int64'], dimParam: [2, 'string'] },
};

/** ONNX's numbers for element types and attribute types. */
export const elementTypes = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9 } as const;
export const attributeTypes = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7 } as const;

export type OnnxElementType = keyof typeof elementTypes;

export interface OnnxTensor {
  readonly name?: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  /** Little-endian element bytes. */
  readonly rawData: Uint8Array;
}

export interface OnnxAttribute {
  readonly name: string;
  readonly type: number;
  readonly f?: number;
  readonly i?: number;
  readonly s?: Uint8Array;
  readonly t?: OnnxTensor;
  readonly floats?: readonly number[];
  readonly ints?: readonly number[];
}

export interface OnnxNode {
  readonly name: string;
  readonly opType: string;
  readonly domain?: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute?: readonly OnnxAttribute[];
}

export interface OnnxDimension {
  readonly dimValue?: number;
  readonly dimParam?: string;
}

export interface OnnxValueInfo {
  readonly name: string;
  readonly type: {
    readonly tensorType: { readonly elemType: number; readonly shape: { readonly dim?: readonly OnnxDimension[] } };
  };
}

export interface OnnxGraph {
  readonly name: string;
  readonly node: readonly OnnxNode[];
  readonly initializer: readonly OnnxTensor[];
  readonly input: readonly OnnxValueInfo[];
  readonly output: readonly OnnxValueInfo[];
}

export interface OnnxModel {
  readonly irVersion: number;
  readonly producerName: string;
  readonly opsetImport: readonly { readonly domain: string; readonly version: number }[];
  readonly metadataProps: readonly { readonly key: string; readonly value: string }[];
  readonly graph: OnnxGraph;
}

const root = protobuf.Root.fromJSON({
  nested: Object.fromEntries(
    Object.entries(schema).map(([message, fields]) => [
      message,
      {
        // ONNX is proto2: a zero that was set is written, so that a dimension of 0 stays a known dimension.
        edition: 'proto2',
        fields: Object.fromEntries(
          Object.entries(fields).map(([field, [id, type]]) => [
            field,
            type.endsWith('*') ? { id, type: type.slice(0, -1), rule: 'repeated' } : { id, type },
          ]),
        ),
      },
    ]),
  ),
});
const modelType = root.lookupType('ModelProto');

/** A message of protobuf holds less than 2 GB; larger tables do not fit into one ONNX file. */
const maxBytes = 2 ** 31 - 1;

/** Serialises a model as ONNX stores it; refuses what a protobuf message cannot hold (2 GB). */
export function encodeModel(model: OnnxModel): Uint8Array {
  const weightBytes = model.graph.initializer.reduce((sum, tensor) => sum + tensor.rawData.byteLength, 0);
  if (weightBytes > maxBytes) {
    throw new RangeError(
      `The model’s weights take ${weightBytes} bytes; an ONNX file holds at most ${maxBytes}. Use smaller tables.`,
    );
  }
  return modelType.encode(model).finish();
}

/** Parses a serialised ONNX model; tensors must be stored as raw data, as encodeModel writes them. */
export function decodeModel(bytes: Uint8Array): OnnxModel {
  const message = modelType.toObject(modelType.decode(bytes), { longs: Number, arrays: true });
  return message as unknown as OnnxModel;
}
