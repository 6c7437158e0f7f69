import { WatchnextError } from '../errors.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import { createLease } from './lease.js';
import { packBatch } from './parcel.js';
import type { LoadableModel } from './session.js';
import { startThread, type Thread } from './thread.js';
import type { Device, Scorer } from './types.js';
import type { ScoringCalls } from './worker.js';

type ScoringThread = Thread<ScoringCalls>;

/** The threads that score. They outlive the versions they hold, so that a swap costs a session and not a thread. */
export interface ScorerPool {
  readonly device: Device;
  readonly workers: number;
  /** Resolves when every thread holds the model; rejects if it cannot be run, and then no thread holds it. */
  load(version: string, model: LoadableModel): Promise<Scorer>;
  /** Waits for what is in flight, then ends the threads. */
  close(): Promise<void>;
}

export interface PoolOptions {
  readonly device: 'auto' | Device;
  readonly workers: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * Starts the threads and settles the device: `auto` tries CUDA and falls back to the CPU, `cuda` throws device_unavailable
 * where it does not run. A thread that dies fails its calls, is replaced, and takes part again once it holds every model.
 */
export const createScorerPool = async (options: PoolOptions): Promise<ScorerPool> => {
  const { workers, logger, metrics } = options;
  const models = new Map<number, LoadableModel>();
  const threads = new Set<ScoringThread>();
  let modelCount = 0;
  let closed = false;

  const start = (): ScoringThread => {
    const thread = startThread<ScoringCalls>(new URL('./worker.js', import.meta.url), (error) => {
      threads.delete(thread);
      logger.error({ err: error }, 'a scoring thread died and is replaced');
      if (!closed) void replace();
    });
    return thread;
  };
  const loadInto = (thread: ScoringThread, model: number, content: LoadableModel): Promise<undefined> =>
    thread.call('load', { model, device, content });
  const replace = async (): Promise<void> => {
    const thread = start();
    try {
      for (const [model, content] of models) await loadInto(thread, model, content);
      if (closed) await thread.stop();
      else threads.add(thread);
    } catch (error) {
      logger.error({ err: error }, 'a replaced scoring thread could not load the models');
      await thread.stop();
    }
  };

  for (let worker = 0; worker < workers; worker++) threads.add(start());
  const stopAll = async (): Promise<void> => {
    closed = true;
    await Promise.all([...threads].map((thread) => thread.stop()));
  };
  const device = await settleDevice(options, [...threads][0]).catch(async (error: unknown) => {
    await stopAll();
    throw error;
  });
  for (const name of ['cpu', 'cuda'] as const)
    metrics.set('watchnext_scorer_device', { device: name }, name === device ? 1 : 0);
  metrics.beforeScrape(() => {
    const inFlight = [...threads].reduce((sum, { pending }) => sum + pending, 0);
    metrics.set('watchnext_scorer_in_flight', {}, inFlight);
  });

  const leastBusy = (): ScoringThread => {
    let best: ScoringThread | undefined;
    for (const thread of threads) if (best === undefined || thread.pending < best.pending) best = thread;
    if (best === undefined) throw new WatchnextError('not_ready', 'No scoring thread is running.');
    return best;
  };

  const unload = async (model: number): Promise<void> => {
    models.delete(model);
    await Promise.all([...threads].map((thread) => thread.call('unload', model).catch(() => undefined)));
  };

  return {
    device,
    workers,
    load: async (version, content) => {
      const model = ++modelCount;
      models.set(model, content);
      try {
        await Promise.all([...threads].map((thread) => loadInto(thread, model, content)));
      } catch (error) {
        await unload(model);
        throw error;
      }
      const lease = createLease({ close: () => unload(model) });
      let closing: Promise<void> | undefined;
      return {
        version,
        tasks: Object.keys(content.definition.tasks),
        device,
        score: async (batch) => {
          if (closing !== undefined) throw new WatchnextError('not_ready', `Version ${version} is closed.`);
          const { encodeMs, runMs, ...scores } = await lease.use(() => {
            const parcel = packBatch(batch);
            return leastBusy().call('score', { model, parcel }, [parcel.words.buffer]);
          });
          metrics.observe('watchnext_rank_stage_seconds', { stage: 'encode' }, encodeMs / 1000);
          metrics.observe('watchnext_rank_stage_seconds', { stage: 'run' }, runMs / 1000);
          return scores;
        },
        close: () => (closing ??= lease.retire()),
      };
    },
    close: stopAll,
  };
};

const settleDevice = async ({ device, logger }: PoolOptions, thread: ScoringThread | undefined): Promise<Device> => {
  if (device === 'cpu' || thread === undefined) return 'cpu';
  try {
    await thread.call('probe', 'cuda');
    return 'cuda';
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (device === 'cuda')
      throw new WatchnextError('device_unavailable', 'CUDA was asked for and cannot be used here.', {
        problems: [
          {
            path: 'device',
            message: reason,
            hint: 'install the CUDA provider (npm run install:cuda), or use --device auto or cpu',
          },
        ],
        cause: error,
      });
    logger.info({ device: 'cpu', reason }, 'CUDA is not available here, models run on the CPU');
    return 'cpu';
  }
};
