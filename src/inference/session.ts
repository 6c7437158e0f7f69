import { env, InferenceSession, Tensor } from 'onnxruntime-node';
import type { RankerDefinition } from '../definition/index.js';
import { attachTable, type TableHandle } from '../embeddings/index.js';
import { createEncoder, type FeatureBatch, type FeatureParameters, type NetworkInputs } from '../features/index.js';
import { WatchnextError } from '../errors.js';
import { requireCudaLibrary } from './cuda.js';
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

/** One version inside one thread: its encoder, and its graph, which other versions may share. `score` blocks its thread. */
export interface ModelSession {
  score(batch: FeatureBatch): Promise<TimedScores>;
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

/** A graph ready to run; `run` blocks its thread. */
export interface GraphSession {
  run(inputs: NetworkInputs): Promise<Scores>;
  /** Native memory is not seen by the garbage collector: a session that is not released stays for ever. */
  release(): Promise<void>;
}

/**
 * How ONNX writes that a weight lies in another file, whose path the graph names (a StringStringEntryProto with the key
 * "location"). Ours keep their weights; ONNX Runtime would read whatever file is named.
 */
const elsewhere = Buffer.from('\n\u0008location', 'latin1');

/**
 * Where a graph is copied to, as the runtime takes no shared memory; it keeps nothing of it. Used again for the next one: megabytes
 * of new memory with every update would have their pages filled in, and the whole heap collected, every few of them.
 */
let room: ArrayBufferLike | undefined;

const ownCopy = (graph: Uint8Array): Uint8Array => {
  const { length } = graph;
  const free = room !== undefined && room.byteLength >= length ? room : new ArrayBuffer(length);
  room = undefined;
  const copy = new Uint8Array(free, 0, length);
  copy.set(graph);
  return copy;
};

/** Throws artifact_damaged if ONNX Runtime refuses the graph, or if it names other files. */
export const openGraph = async (graph: Uint8Array, device: Device): Promise<GraphSession> => {
  // What is shared may change once nobody wants this model any more: only the copy that is run is worth looking at.
  const bytes = graph.buffer instanceof SharedArrayBuffer ? ownCopy(graph) : graph;
  if (Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(elsewhere))
    throw unusableGraph(new Error('it keeps weights in other files'));
  const session = await InferenceSession.create(bytes, sessionOptions(device))
    .catch((cause: unknown) => {
      throw unusableGraph(cause);
    })
    .finally(() => (room = bytes === graph ? room : bytes.buffer));
  const needed = new Set(session.inputNames);
  return {
    run: async ({ requests, rows, request, candidate, requestOf }) => {
      const all = {
        request: new Tensor('float32', request, [requests, request.length / Math.max(1, requests)]),
        candidate: new Tensor('float32', candidate, [rows, candidate.length / Math.max(1, rows)]),
        request_of: new Tensor('int32', requestOf, [rows]),
      };
      const feeds = Object.fromEntries(Object.entries(all).filter(([name]) => needed.has(name)));
      const { heads, gates } = await session.run(feeds);
      return { heads: heads?.data as Float32Array, ...(gates && { gates: gates.data as Float32Array }) };
    },
    release: () => session.release(),
  };
};

export const openSession = (model: Omit<LoadableModel, 'graph'>, graph: GraphSession): ModelSession => {
  const tables = new Map([...model.tables].map(([name, handle]) => [name, attachTable(handle)]));
  const encoder = createEncoder({ definition: model.definition, parameters: model.parameters, tables });
  return {
    score: async (batch) => {
      const started = performance.now();
      const inputs = encoder.encode(batch);
      const encoded = performance.now();
      const scores = await graph.run(inputs);
      return { encodeMs: encoded - started, runMs: performance.now() - encoded, ...scores };
    },
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
  if (device === 'cuda') requireCudaLibrary();
  const session = await InferenceSession.create(Buffer.from(identityModel, 'base64'), sessionOptions(device));
  await session.run({ x: new Tensor('float32', new Float32Array(1), [1]) });
  await session.release();
};
