import { env, InferenceSession, Tensor } from 'onnxruntime-node';
import type { RankerDefinition } from '../definition/index.js';
import { attachTable, type TableHandle } from '../embeddings/index.js';
import { createEncoder, type FeatureBatch, type FeatureParameters, type NetworkInputs } from '../features/index.js';
import { WatchnextError } from '../errors.js';
import type { Device, Scores } from './types.js';

/** What a thread needs to score with one version. Tables stay where they are: all threads read the same memory. */
export interface LoadableModel {
  readonly definition: RankerDefinition;
  /** A serialised ONNX model. */
  readonly graph: Uint8Array;
  readonly parameters: FeatureParameters;
  readonly tables: ReadonlyMap<string, TableHandle>;
}

export interface TimedScores extends Scores {
  readonly encodeMs: number;
  readonly runMs: number;
}

// What goes wrong is thrown, and logged once where it is handled; ONNX Runtime's own lines would come on top.
env.logLevel = 'fatal';

/** One version inside one thread: encoder and ONNX Runtime session. `create` and `score` block their thread. */
export interface ModelSession {
  score(batch: FeatureBatch): Promise<TimedScores>;
  /** Native memory is not seen by the garbage collector: a session that is not released stays for ever. */
  release(): Promise<void>;
}

/**
 * One thread per session: threads of several sessions would spin against each other (measured: two workers with ONNX
 * Runtime's default threads run slower than one with a single thread).
 */
const sessionOptions = (device: Device): InferenceSession.SessionOptions => ({
  executionProviders: device === 'cuda' ? ['cuda', 'cpu'] : ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  logSeverityLevel: 4,
});

export const openSession = async (model: LoadableModel, device: Device): Promise<ModelSession> => {
  const tables = new Map([...model.tables].map(([name, handle]) => [name, attachTable(handle)]));
  const encoder = createEncoder({ definition: model.definition, parameters: model.parameters, tables });
  const { requestWidth, candidateWidth } = encoder.layout;
  const session = await InferenceSession.create(model.graph, sessionOptions(device)).catch((cause: unknown) => {
    throw unusableGraph(cause);
  });
  const needed = new Set(session.inputNames);

  const feeds = ({ requests, rows, request, candidate, requestOf }: NetworkInputs): Record<string, Tensor> => {
    const all = {
      request: new Tensor('float32', request, [requests, requestWidth]),
      candidate: new Tensor('float32', candidate, [rows, candidateWidth]),
      request_of: new Tensor('int32', requestOf, [rows]),
    };
    return Object.fromEntries(Object.entries(all).filter(([name]) => needed.has(name)));
  };

  return {
    score: async (batch) => {
      const started = performance.now();
      const inputs = feeds(encoder.encode(batch));
      const encoded = performance.now();
      const { heads, gates } = await session.run(inputs);
      const finished = performance.now();
      return {
        heads: heads?.data as Float32Array,
        ...(gates && { gates: gates.data as Float32Array }),
        encodeMs: encoded - started,
        runMs: finished - encoded,
      };
    },
    release: () => session.release(),
  };
};

const unusableGraph = (cause: unknown): WatchnextError => {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new WatchnextError('artifact_damaged', `graph.onnx cannot be run: ${message}`, {
    problems: [{ path: 'graph.onnx', message, hint: 'train the model again' }],
    cause,
  });
};

/** An ONNX model that copies one number: the cheapest way to learn whether a device can be used (there is no other). */
const identityModel = 'CAg6NwoQCgF4EgF5IghJZGVudGl0eRIBcFoPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCAhAR';

/** Rejects if this device cannot run models here. */
export const probeDevice = async (device: Device): Promise<void> => {
  const session = await InferenceSession.create(Buffer.from(identityModel, 'base64'), sessionOptions(device));
  await session.run({ x: new Tensor('float32', new Float32Array(1), [1]) });
  await session.release();
};
