import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { NetworkInputs } from '../../../src/features/index.js';
import { elementTypes, encodeModel, type OnnxModel } from '../../compile/index.js';

export interface RangeOptions {
  readonly model: OnnxModel;
  /** Values of the graph, and how many columns each has. */
  readonly columns: ReadonlyMap<string, number>;
  /** Rows to run it on. */
  readonly sample: NetworkInputs;
}

/** How far each column of these values gets from zero on the sample, by the value's name. */
export const columnRanges = async ({ model, columns, sample }: RangeOptions): Promise<Map<string, Float32Array>> => {
  const { requests, rows, request, candidate, requestOf } = sample;
  const given = new Map([
    ['request', { data: request, dims: [requests, request.length / Math.max(1, requests)] }],
    ['candidate', { data: candidate, dims: [rows, candidate.length / Math.max(1, rows)] }],
  ]);
  const inner = [...columns].filter(([name]) => !given.has(name));
  const shown = inner.map(([name, width]) => ({
    name,
    type: {
      tensorType: { elemType: elementTypes.float32, shape: { dim: [{ dimParam: 'rows' }, { dimValue: width }] } },
    },
  }));
  const { graph } = model;
  const open = encodeModel({ ...model, graph: { ...graph, output: [...graph.output, ...shown] } });
  const session = await InferenceSession.create(open, { intraOpNumThreads: 1, logSeverityLevel: 4 });
  try {
    const feeds = {
      ...Object.fromEntries([...given].map(([name, { data, dims }]) => [name, new Tensor('float32', data, dims)])),
      request_of: new Tensor('int32', requestOf, [rows]),
    };
    const found = await session.run(feeds, ['heads', ...inner.map(([name]) => name)]);
    const valuesOf = (name: string): Float32Array => given.get(name)?.data ?? (found[name]?.data as Float32Array);
    return new Map([...columns].map(([name, width]) => [name, farthestByColumn(valuesOf(name), width)]));
  } finally {
    await session.release();
  }
};

/** How far each column of a matrix gets from zero; what is not finite does not count. */
export const farthestByColumn = (values: Float32Array, width: number): Float32Array => {
  const most = new Float32Array(width);
  for (let at = 0; at < values.length;) {
    for (let column = 0; column < width; column++, at++) {
      const size = Math.abs(values[at] ?? 0);
      if (size > (most[column] ?? 0) && size < Infinity) most[column] = size;
    }
  }
  return most;
};
