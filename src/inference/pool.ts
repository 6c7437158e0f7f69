import { setTimeout } from 'node:timers/promises';
import { WatchnextError } from '../errors.js';
import type { FeatureBatch } from '../features/index.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import { createBatcher, type BatchLimits, type Runner } from './batcher.js';
import { createLease } from './lease.js';
import { packBatch } from './parcel.js';
import type { LoadableModel, TimedScores } from './session.js';
import { startThread, type Thread } from './thread.js';
import type { Device, Scorer, Scores } from './types.js';
import type { ScoringCalls } from './worker.js';

type ScoringThread = Thread<ScoringCalls>;

/** Rejects if a thread that scores so must not serve. */
export type Examine = (score: (batch: FeatureBatch) => Promise<Scores>) => Promise<void>;

/** The threads that score. They outlive the versions they hold, so that a swap costs a session and not a thread. */
export interface ScorerPool {
  readonly device: Device;
  readonly workers: number;
  /**
   * Resolves when every thread holds the model and was examined, as is every thread that takes the place of one that died;
   * rejects if it cannot be run or an examination rejects, and then no thread holds it. Models whose graph is the same array
   * share its sessions. One thread after the other loads it, while the rest go on scoring.
   */
  load(version: string, model: LoadableModel, examine?: Examine): Promise<Scorer>;
  /** Waits for what is in flight, then ends the threads. */
  close(): Promise<void>;
}

export interface PoolOptions {
  readonly device: 'auto' | Device;
  readonly workers: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** What shares a run; whatever waits, up to 128 rows, if left out. */
  readonly limits?: BatchLimits;
  /** What the threads run; the scoring worker if left out. */
  readonly entry?: URL;
}

/**
 * Starts the threads and settles the device: `auto` tries CUDA and falls back to the CPU, `cuda` throws device_unavailable
 * where it does not run or where a thread does not even start. A thread that dies later is replaced, and what it was scoring
 * is tried once more; the new one takes part once it holds every model. Where that fails again and again, the attempts are up
 * to 30 s apart.
 */
export const createScorerPool = async (options: PoolOptions): Promise<ScorerPool> => {
  const { workers, logger, metrics, entry = new URL('./worker.js', import.meta.url) } = options;
  const batcher = createBatcher({ limits: options.limits ?? { rows: 128, waitUs: 0 }, metrics });
  const models = new Map<number, { readonly content: LoadableModel; readonly examine: Examine | undefined }>();
  const threads = new Map<ScoringThread, Runner>();
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
      const runner = threads.get(thread);
      if (runner === undefined) return;
      threads.delete(thread);
      batcher.remove(runner);
      metrics.count('watchnext_scorer_deaths_total', {});
      if (isClosed()) return;
      logger.error({ err: error }, 'a scoring thread died and is replaced');
      failures = performance.now() - started < longestBackoffMs ? failures + 1 : 0;
      void replace();
    });
    return thread;
  };
  const takePart = (thread: ScoringThread): void => {
    const runner = { run: (model: number, batches: readonly FeatureBatch[]) => runIn(thread, model, batches) };
    threads.set(thread, runner);
    batcher.add(runner);
  };
  const loadInto = async (thread: ScoringThread, model: number): Promise<void> => {
    const loaded = models.get(model);
    if (loaded === undefined) return;
    const { content, examine } = loaded;
    await thread.call('load', { model, graph: graphNumber(content.graph), device, content });
    await examine?.((batch) => runIn(thread, model, [batch]));
  };
  const replace = async (): Promise<void> => {
    for (;;) {
      await pause(backoffMs(failures), closing.signal);
      if (isClosed()) return;
      const thread = start();
      try {
        await thread.call('hello', undefined);
        const held: number[] = [];
        for (const model of models.keys()) {
          held.push(model);
          await loadInto(thread, model);
        }
        if (isClosed()) await thread.stop();
        else takePart(thread);
        // What was closed meanwhile was not unloaded here: the thread did not take part yet.
        for (const model of held) if (!models.has(model)) void thread.call('unload', model).catch(() => undefined);
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
    batcher.close();
    await Promise.all([...threads.keys()].map((thread) => thread.stop()));
  };
  const starting = Array.from({ length: workers }, start);
  const greeted = await Promise.allSettled(starting.map((thread) => thread.call('hello', undefined)));
  const refused = greeted.find((greeting) => greeting.status === 'rejected');
  if (refused !== undefined) {
    await Promise.all(starting.map((thread) => thread.stop()));
    throw cannotStart(refused.reason);
  }
  for (const thread of starting) takePart(thread);
  const device = await settleDevice(options, starting[0]).catch(async (error: unknown) => {
    await stopAll();
    throw error;
  });
  for (const name of ['cpu', 'cuda'] as const)
    metrics.set('watchnext_scorer_device', { device: name }, name === device ? 1 : 0);
  metrics.beforeScrape(() => {
    const inFlight = [...threads.keys()].reduce((sum, { pending }) => sum + pending, 0);
    metrics.set('watchnext_scorer_in_flight', {}, inFlight);
    const shares = [...threads.keys()].map((thread) => thread.utilisation());
    const mean = shares.reduce((sum, share) => sum + share, 0) / Math.max(1, shares.length);
    metrics.set('watchnext_worker_utilisation_ratio', { of: 'mean' }, mean);
    metrics.set('watchnext_worker_utilisation_ratio', { of: 'max' }, Math.max(0, ...shares));
  });

  const unload = async (model: number): Promise<void> => {
    models.delete(model);
    batcher.forget(model);
    await Promise.all([...threads.keys()].map((thread) => thread.call('unload', model).catch(() => undefined)));
  };

  return {
    device,
    workers,
    load: async (version, content, examine) => {
      const model = ++modelCount;
      models.set(model, { content, examine });
      try {
        // With no thread to examine it, nothing would say that it may serve.
        if (threads.size === 0) throw new WatchnextError('not_ready', 'No scoring thread is running.');
        for (const thread of [...threads.keys()]) await loadInto(thread, model);
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
        score: async (batch, until) => {
          if (closing !== undefined) throw new WatchnextError('not_ready', `Version ${version} is closed.`);
          return lease.use(() => batcher.score(model, batch, until));
        },
        close: () => (closing ??= lease.retire()),
      };
    },
    close: stopAll,
  };
};

/** What is sent is given away: packed for each run, so that what was lost with a thread can be packed again. */
const runIn = (thread: ScoringThread, model: number, batches: readonly FeatureBatch[]): Promise<TimedScores> => {
  const parcels = batches.map(packBatch);
  return thread.call(
    'score',
    { model, parcels },
    parcels.map(({ words }) => words.buffer),
  );
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
