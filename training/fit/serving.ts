import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { RankerDefinition } from '../../src/definition/index.js';
import { createEncoder, selectRequests, type FeatureBatch } from '../../src/features/index.js';
import { compileServingGraph } from './engine/index.js';
import type { SealableRanker } from './sealable.js';
import type { CompiledModel } from '../compile/index.js';
import { farthestByColumn, quantise } from './quantise/index.js';

export interface ServingOptions {
  /** Rows of every kind that will be served; asked for where the graph is rounded, which is done so that it suits them. */
  readonly sample: () => FeatureBatch;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The graph of a trained ranker as it will be served, in the precision of its definition. */
export async function servingGraph(
  trained: SealableRanker,
  { sample, metadata = {} }: ServingOptions,
): Promise<CompiledModel> {
  const { definition, layout, labelScaling: scaling, parameters } = trained;
  const model = compileServingGraph({ definition, layout, scaling, state: await trained.denseState(), metadata });
  if (!isRounded(definition)) return model;
  const encoder = createEncoder({ definition, parameters, tables: trained.tables() });
  return quantise({ model, sample: encoder.encode(sample()) });
}

/** A value so many times further out than any lately is nobody's: a year of -2016 among golden rows, where years are 2015. */
const mostTimes = 8;

/**
 * Of golden rows those that a rounded network suits and is held to: without the requests of which a value is far beyond all of the
 * recent ones. One step would have to serve both, and ordinary values would be no step apart. All, where nothing is rounded.
 */
export function goldenWithinReach(trained: SealableRanker, golden: FeatureBatch, recent: FeatureBatch): FeatureBatch {
  const { definition, parameters } = trained;
  if (!isRounded(definition) || recent.requests === 0) return golden;
  const encoder = createEncoder({ definition, parameters, tables: trained.tables() });
  const [edges, usual] = [encoder.encode(golden), encoder.encode(recent)];
  const far = new Set<number>();
  const { requestWidth, candidateWidth } = encoder.layout;
  const look = (
    values: Float32Array,
    lately: Float32Array,
    width: number,
    requestAt: (row: number) => number,
  ): void => {
    const reach = farthestByColumn(lately, width);
    values.forEach((value, at) => {
      if (Math.abs(value) > mostTimes * (reach[at % width] || 1)) far.add(requestAt(Math.floor(at / width)));
    });
  };
  look(edges.request, usual.request, requestWidth, (row) => row);
  look(edges.candidate, usual.candidate, candidateWidth, (row) => golden.requestOf[row] ?? 0);
  const near = Array.from({ length: golden.requests }, (_, request) => request).filter((request) => !far.has(request));
  return near.length === 0 ? golden : selectRequests(golden, near);
}

/** Whether what is served differs from what was trained by more than the order of additions. */
export const isRounded = ({ network }: Pick<RankerDefinition, 'network'>): boolean => network.precision === 'int8';

export interface ServedScores {
  /** [rows, tasks] in natural units. */
  readonly heads: Float32Array;
  /** [rows, tasks, experts], mmoe only. */
  readonly gates?: Float32Array;
}

/** What the graph says of a batch. Runs on this thread: for a few rows when training is over. */
export async function scoreWithGraph(
  trained: SealableRanker,
  graph: CompiledModel,
  batch: FeatureBatch,
): Promise<ServedScores> {
  const { definition, parameters } = trained;
  const encoder = createEncoder({ definition, parameters, tables: trained.tables() });
  const { requests, rows, request, candidate, requestOf } = encoder.encode(batch);
  const session = await InferenceSession.create(graph.bytes, { intraOpNumThreads: 1 });
  try {
    const { heads, gates } = await session.run({
      request: new Tensor('float32', request, [requests, encoder.layout.requestWidth]),
      candidate: new Tensor('float32', candidate, [rows, encoder.layout.candidateWidth]),
      request_of: new Tensor('int32', requestOf, [rows]),
    });
    return {
      heads: heads?.data as Float32Array,
      ...(gates === undefined ? {} : { gates: gates.data as Float32Array }),
    };
  } finally {
    await session.release();
  }
}

/**
 * How much each task relies on each expert: [tasks][experts] mean gate weights over the most recent rows of the log, the
 * paper's figure. Undefined for networks without gates.
 */
export async function expertUtilisation(
  trained: SealableRanker,
  graph: CompiledModel,
  recent: FeatureBatch,
): Promise<number[][] | undefined> {
  if (trained.definition.network.kind !== 'mmoe') return undefined;
  const { gates } = await scoreWithGraph(trained, graph, recent);
  if (gates === undefined) return undefined;
  const tasks = Object.keys(trained.definition.tasks).length;
  const { rows } = recent;
  const experts = gates.length / rows / tasks;
  const means = Array.from({ length: tasks }, () => new Array<number>(experts).fill(0));
  gates.forEach((gate, at) => {
    const ofTask = means[Math.floor(at / experts) % tasks] as number[];
    ofTask[at % experts] = (ofTask[at % experts] as number) + gate / rows;
  });
  return means;
}
