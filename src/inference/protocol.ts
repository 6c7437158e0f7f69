import type { RankerDefinition } from '../definition/index.js';
import type { TableHandle } from '../embeddings/index.js';
import type { FeatureBatch, FeatureParameters } from '../features/index.js';
import type { Device, Scores } from './types.js';

/** What a worker needs to score with one version. Tables stay where they are: all workers read the same memory. */
export interface LoadableModel {
  readonly definition: RankerDefinition;
  /** A serialised ONNX model. */
  readonly graph: Uint8Array;
  readonly parameters: FeatureParameters;
  readonly tables: ReadonlyMap<string, TableHandle>;
}

/** What the pool asks of a worker; structured-cloneable. `model` is a number the pool gave out. */
export type WorkerRequest =
  | { readonly type: 'probe'; readonly device: Device }
  | { readonly type: 'load'; readonly model: number; readonly device: Device; readonly content: LoadableModel }
  | { readonly type: 'score'; readonly model: number; readonly batch: FeatureBatch }
  | { readonly type: 'unload'; readonly model: number }
  | { readonly type: 'stop' };

export interface TimedScores extends Scores {
  readonly encodeMs: number;
  readonly runMs: number;
}

export interface WorkerReplies {
  readonly probe: undefined;
  readonly load: undefined;
  readonly score: TimedScores;
  readonly unload: undefined;
  readonly stop: undefined;
}

export interface WorkerCall {
  readonly call: number;
  readonly request: WorkerRequest;
}

export type WorkerAnswer =
  | { readonly call: number; readonly result: WorkerReplies[keyof WorkerReplies] }
  | { readonly call: number; readonly error: string };
