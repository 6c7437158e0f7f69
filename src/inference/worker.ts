import { openSession, probeDevice, type LoadableModel, type ModelSession, type TimedScores } from './session.js';
import { answerCalls } from './thread.js';
import { unpackBatch, type Parcel } from './parcel.js';
import type { Device } from './types.js';

/** The thread in which models run, because ONNX Runtime blocks the thread that calls it. `model` is the pool’s number. */
export type ScoringCalls = {
  readonly hello: { readonly ask: undefined; readonly answer: undefined };
  readonly probe: { readonly ask: Device; readonly answer: undefined };
  readonly load: {
    readonly ask: { readonly model: number; readonly device: Device; readonly content: LoadableModel };
    readonly answer: undefined;
  };
  readonly score: {
    readonly ask: { readonly model: number; readonly parcel: Parcel };
    readonly answer: TimedScores;
  };
  readonly unload: { readonly ask: number; readonly answer: undefined };
};

const sessions = new Map<number, ModelSession>();

const unload = async (model: number): Promise<undefined> => {
  const session = sessions.get(model);
  sessions.delete(model);
  await session?.release();
  return undefined;
};

answerCalls<ScoringCalls>(
  {
    hello: () => undefined,
    probe: async (device) => {
      await probeDevice(device);
      return undefined;
    },
    load: async ({ model, device, content }) => {
      sessions.set(model, await openSession(content, device));
      return undefined;
    },
    score: ({ model, parcel }) => {
      const session = sessions.get(model);
      if (session === undefined) throw new Error(`model ${model} is not loaded`);
      return session.score(unpackBatch(parcel));
    },
    unload,
  },
  {
    transfer: (answer) => {
      const { heads, gates } = (answer ?? {}) as Partial<TimedScores>;
      return [heads, gates].flatMap((values) => (values === undefined ? [] : [values.buffer as ArrayBuffer]));
    },
    onStop: async () => {
      for (const model of [...sessions.keys()]) await unload(model);
    },
  },
);
