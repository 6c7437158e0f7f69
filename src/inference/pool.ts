import { setTimeout } from 'node:timers/promises';
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
  /**
   * Resolves when every thread holds the model; rejects if it cannot be run, and then no thread holds it. Models whose graph
   * is the same array share its sessions. One thread after the other loads it, while the rest go on scoring.
   */
  load(version: string, model: LoadableModel): Promise<Scorer>;
  /** Waits for what is in flight, then ends the threads. */
  close(): Promise<void>;
}

export interface PoolOptions {
  readonly device: 'auto' | Device;
  readonly workers: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** What the threads run; the scoring worker if left out. */
  readonly entry?: URL;
}

/**
 * Starts the threads and settles the device: `auto` tries CUDA and falls back to the CPU, `cuda` throws device_unavailable
 * where it does not run or where a thread does not even start. A thread that dies later fails its calls and is replaced; the
 * new one takes part once it holds every model. Where that fails again and again, the attempts are up to 30 s apart.
 */
export const createScorerPool = async (options: PoolOptions): Promise<ScorerPool> => {
  const { workers, logger, metrics, entry = new URL('./worker.js', import.meta.url) } = options;
  const models = new Map<number, LoadableModel>();
  const threads = new Set<ScoringThread>();
  let modelCount = 0;
  let graphCount = 0;
  const graphNumbers = new WeakMap<Uint8Array, number>();
  const graphNumber = (graph: Uint8Array): number => {
    const number = graphNumbers.get(graph) ?? ++graphCount;
    graphNumbers.set(graph, number);
    return number;
  };
  const closing = new AbortController();
  const isClosed = (): boolean => closing.signal.aborted;
  /** Replacements in a row that died young or never held the models. */
  let failures = 0;

  const start = (): ScoringThread => {
    const started = performance.now();
    const thread = startThread<ScoringCalls>(entry, (error) => {
      // One that has not taken part yet is the concern of who started it.
      if (!threads.delete(thread) || isClosed()) return;
      logger.error({ err: error }, 'a scoring thread died and is replaced');
      failures = performance.now() - started < longestBackoffMs ? failures + 1 : 0;
      void replace();
    });
    return thread;
  };
  const loadInto = (thread: ScoringThread, model: number, content: LoadableModel): Promise<undefined> =>
    thread.call('load', { model, graph: graphNumber(content.graph), device, content });
  const replace = async (): Promise<void> => {
    for (;;) {
      await pause(backoffMs(failures), closing.signal);
      if (isClosed()) return;
      const thread = start();
      try {
        await thread.call('hello', undefined);
        for (const [model, content] of models) await loadInto(thread, model, content);
        if (isClosed()) await thread.stop();
        else threads.add(thread);
        return;
      } catch (error) {
        failures++;
        logger.error({ err: error, retryInMs: backoffMs(failures) }, 'a scoring thread could not be replaced');
        await thread.stop();
      }
    }
  };

  const stopAll = async (): Promise<void> => {
    closing.abort();
    await Promise.all([...threads].map((thread) => thread.stop()));
  };
  const starting = Array.from({ length: workers }, start);
  const greeted = await Promise.allSettled(starting.map((thread) => thread.call('hello', undefined)));
  const refused = greeted.find((greeting) => greeting.status === 'rejected');
  if (refused !== undefined) {
    await Promise.all(starting.map((thread) => thread.stop()));
    throw cannotStart(refused.reason);
  }
  for (const thread of starting) threads.add(thread);
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
        for (const thread of [...threads]) await loadInto(thread, model, content);
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

const longestBackoffMs = 30_000;
/** None after a first death, then 0.2, 0.4, 0.8, … seconds. */
const backoffMs = (failures: number): number =>
  failures <= 1 ? 0 : Math.min(longestBackoffMs, 100 * 2 ** (failures - 1));

/** Over early when the signal says so. */
const pause = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  setTimeout(milliseconds, undefined, { signal, ref: false }).catch(() => undefined);

const cannotStart = (cause: unknown): WatchnextError => {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new WatchnextError('device_unavailable', `The scoring threads cannot start: ${reason}`, {
    problems: [
      {
        path: 'workers',
        message: reason,
        hint: 'check that the installation is whole (npm ci) and that memory suffices for this many --workers',
      },
    ],
    cause,
  });
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
