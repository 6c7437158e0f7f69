import { elementTypes, type OnnxNode, type OnnxTensor } from '../../compile/index.js';

type Values = Float32Array | Int32Array | Int8Array | Uint8Array;

/** ONNX Runtime's own operators, beside the standard ones. */
export const runtimeDomain = 'com.microsoft';

/** Nodes and constants that are added to a graph, under names that it does not have. */
export class NodeWriter {
  readonly nodes: OnnxNode[] = [];
  readonly constants: OnnxTensor[] = [];
  #count = 0;

  /** Appends a node with one result and answers the result's name, which is `output` if given. */
  node(opType: string, input: readonly string[], output = this.#fresh(opType), more: Partial<OnnxNode> = {}): string {
    this.nodes.push({ name: `${output}/${opType}`, opType, input, output: [output], ...more });
    return output;
  }

  /** A constant vector or matrix; a scalar if `dims` is empty. */
  constant(values: Values, dims: readonly number[] = [values.length]): string {
    const name = this.#fresh('constant');
    const { buffer, byteOffset, byteLength } = values;
    const rawData = new Uint8Array(buffer, byteOffset, byteLength).slice();
    this.constants.push({ name, dims, dataType: elementTypes[typeOf(values)], rawData });
    return name;
  }

  #fresh(kind: string): string {
    return `int8/${kind}_${this.#count++}`;
  }
}

const typeOf = (values: Values): 'float32' | 'int32' | 'int8' | 'uint8' => {
  if (values instanceof Float32Array) return 'float32';
  if (values instanceof Int32Array) return 'int32';
  return values instanceof Int8Array ? 'int8' : 'uint8';
};
