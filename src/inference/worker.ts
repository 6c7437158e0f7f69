import { concatBatches } from '../features/index.js';
import {
  openGraph,
  openSession,
  probeDevice,
  type GraphSession,
  type LoadableModel,
  type ModelSession,
  type TimedScores,
} from './session.js';
import { answerCalls } from './thread.js';
import { unpackBatch, type Parcel } from './parcel.js';
import type { Device } from './types.js';

/**
 * The thread in which models run, because ONNX Runtime blocks the thread that calls it. `model` and `graph` are
 * the pool’s numbers: models of one graph share its session.
 */
export type ScoringCalls = {
  readonly hello: { readonly ask: undefined; readonly answer: undefined };
  readonly probe: { readonly ask: Device; readonly answer: undefined };
  readonly load: {
    readonly ask: {
      readonly model: number;
      readonly graph: number;
      readonly device: Device;
      readonly content: LoadableModel;
    };
    readonly answer: undefined;
  };
  readonly score: {
    /** One after the other, the rows of each are answered. */
    readonly ask: { readonly model: number; readonly parcels: readonly Parcel[] };
    readonly answer: TimedScores;
  };
  readonly unload: { readonly ask: number; readonly answer: undefined };
};

const models = new Map<number, { readonly session: ModelSession; readonly graph: number }>();
const graphs = new Map<number, { readonly session: GraphSession; users: number }>();

/** The session of a graph, with one user more. */
const useGraph = async (graph: number, bytes: Uint8Array, device: Device): Promise<GraphSession> => {
  const shared = graphs.get(graph) ?? { session: await openGraph(bytes, device), users: 0 };
  shared.users++;
  graphs.set(graph, shared);
  return shared.session;
};

const leaveGraph = async (graph: number): Promise<void> => {
  const shared = graphs.get(graph);
  if (shared === undefined || --shared.users > 0) return;
  graphs.delete(graph);
  await shared.session.release();
};

const unload = async (model: number): Promise<undefined> => {
  const loaded = models.get(model);
  models.delete(model);
  if (loaded !== undefined) await leaveGraph(loaded.graph);
  return undefined;
};

answerCalls<ScoringCalls>(
  {
    hello: () => undefined,
    probe: async (device) => {
      await probeDevice(device);
      return undefined;
    },
    load: async ({ model, graph, device, content }) => {
      const session = await useGraph(graph, content.graph, device);
      try {
        models.set(model, { session: openSession(content, session), graph });
      } catch (error) {
        await leaveGraph(graph);
        throw error;
      }
      return undefined;
    },
    score: ({ model, parcels }) => {
      const loaded = models.get(model);
      if (loaded === undefined) throw new Error(`model ${model} is not loaded`);
      const batches = parcels.map(unpackBatch);
      return loaded.session.score(batches.length === 1 && batches[0] ? batches[0] : concatBatches(batches));
    },
    unload,
  },
  {
    transfer: (answer) => {
      const { heads, gates } = (answer ?? {}) as Partial<TimedScores>;
      return [heads, gates].flatMap((values) => (values === undefined ? [] : [values.buffer as ArrayBuffer]));
    },
    onStop: async () => {
      for (const model of [...models.keys()]) await unload(model);
    },
  },
);
