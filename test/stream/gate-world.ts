import { parseTable } from '../../src/embeddings/index.js';
import type { Golden } from '../../src/artifact/index.js';
import type { RankerDefinition } from '../../src/definition/index.js';
import type { LoggedRequest } from '../../training/dataset/index.js';
import {
  compileServingGraph,
  createOnnxEngine,
  openServedModel,
  trainRanker,
  type ServedModel,
  type TrainedRanker,
} from '../../training/fit/index.js';
import { createWindows, type Candidate, type Contender, type Windows } from '../../training/stream/index.js';
import { datasetOf, hourMs, simulatedLog, smallRanker, worldStart } from '../fit/world.js';

export const definition: RankerDefinition = {
  ...smallRanker({
    epochs: 2,
    optimizer: { kind: 'adam', rate: 0.005 },
    embeddings: { kind: 'rowwise_adagrad', rate: 0.1 },
  }),
  stream: { gate: { rows: 500 } },
};
const requests = 2400;
const trainedUntil = 800;
/** The stream goes wrong here, if it does. */
const breaksAt = 2050;
const at = (request: number): number => worldStart + request * hourMs;

export interface StreamedWorld {
  readonly windows: Windows;
  readonly active: Contender;
  /** The trainer's own values for the candidate. */
  readonly golden: Golden;
  readonly candidate: Candidate;
  /** The candidate after what `change` does to its dense weights. */
  changed(change: (values: Float32Array) => Float32Array): Promise<Candidate>;
  close(): Promise<void>;
}

/**
 * Trains on the first third of a log, serves that, and goes on learning from the rest: predicting each period before it is
 * learned. `spoil` changes what the stream brings from `breaksAt` on.
 */
export async function streamWorld(
  spoil: (request: LoggedRequest) => LoggedRequest = (same) => same,
): Promise<StreamedWorld> {
  const log = simulatedLog({ requests }).map((request, index) => (index < breaksAt ? request : spoil(request)));
  const trained = await trainRanker({
    definition,
    dataset: datasetOf(log),
    engine: createOnnxEngine,
    until: at(trainedUntil),
  });
  const open: ServedModel[] = [];
  const active = await freeze(trained, { version: 'v1', open });
  const windows = createWindows({ definition });
  const period = 100;
  for (let first = trainedUntil; first < requests; first += period) {
    for await (const scored of trained.predict({ from: at(first), until: at(first + period) }, { keep: true })) {
      windows.add({
        batch: scored.batch,
        times: scored.times,
        labels: scored.labels,
        predicted: scored.heads,
        served: await active.score(scored.batch),
        versions: scored.requests.map(() => 'v1'),
        arms: scored.requests.map(() => []),
      });
    }
    await trained.learn();
  }
  const candidate = await freeze(trained, { version: 'v2', open });
  const golden = { batch: trained.recent, heads: (await trained.score(trained.recent)).heads };
  return {
    windows,
    active,
    candidate,
    golden,
    changed: (change) => freeze(trained, { version: 'v3', open, change }),
    async close() {
      for (const model of open) await model.close();
      await trained.close();
    },
  };
}

/** As it serves what is trained now: nothing learned later changes it. */
async function freeze(
  trained: TrainedRanker,
  { version, open, change = (same) => same }: { version: string; open: ServedModel[]; change?: Change },
): Promise<Candidate> {
  const { layout, labelScaling: scaling, parameters } = trained;
  const state = new Map([...(await trained.denseState())].map(([name, values]) => [name, change(values)]));
  const { bytes: graph } = compileServingGraph({ definition, layout, scaling, state, metadata: {} });
  const tables = new Map([...trained.tables()].map(([name, table]) => [name, parseTable(table.serialise(), name)]));
  const model = await openServedModel({ definition, parameters, graph, tables });
  open.push(model);
  return { version, labelScaling: scaling, weights: state, score: (batch) => model.score(batch) };
}

type Change = (values: Float32Array) => Float32Array;

/** Labels of a task turned round. */
export const flipped =
  (task: number) =>
  (request: LoggedRequest): LoggedRequest => ({
    ...request,
    labels: request.labels.map((labels, index) => (index === task ? labels.map((label) => 1 - label) : labels)),
  });

export const withLength =
  (length: (given: unknown) => number | null) =>
  (request: LoggedRequest): LoggedRequest => ({
    ...request,
    candidates: request.candidates.map((candidate) => ({ ...candidate, length: length(candidate['length']) })),
  });
