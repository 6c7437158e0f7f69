import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { ModelParts } from '../../src/artifact/index.js';
import type { RankerDefinition } from '../../src/definition/index.js';
import { createEncoder, type FeatureBatch } from '../../src/features/index.js';

/** A model as it is served: its graph and its tables as they are when it scores. Close it in the end. */
export interface ServedModel {
  /** [rows, tasks] in natural units. One call at a time; blocks this thread. */
  score(batch: FeatureBatch): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface ServedModelOptions extends Pick<ModelParts, 'graph' | 'parameters' | 'tables'> {
  readonly definition: RankerDefinition;
}

/** Rejects if ONNX Runtime refuses the graph. */
export async function openServedModel({
  definition,
  graph,
  parameters,
  tables,
}: ServedModelOptions): Promise<ServedModel> {
  const encoder = createEncoder({ definition, parameters, tables });
  const { requestWidth, candidateWidth } = encoder.layout;
  const session = await InferenceSession.create(graph, { intraOpNumThreads: 1 });
  return {
    async score(batch) {
      const { requests, rows, request, candidate, requestOf } = encoder.encode(batch);
      const { heads } = await session.run({
        request: new Tensor('float32', request, [requests, requestWidth]),
        candidate: new Tensor('float32', candidate, [rows, candidateWidth]),
        request_of: new Tensor('int32', requestOf, [rows]),
      });
      return heads?.data as Float32Array;
    },
    close: () => session.release(),
  };
}
