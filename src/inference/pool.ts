import { setTimeout } from 'node:timers/promises';
import { WatchnextError } from '../errors.js';
import type { FeatureBatch } from '../features/index.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import { createBatcher, type BatchLimits, type Runner } from './batcher.js';
import { cannotStart, settleDevice } from './device.js';
import { createLease } from './lease.js';
import { packBatch } from './parcel.js';
import type { LoadableModel, TimedScores } from './session.js';
import { startThread, type Thread } from './thread.js';
import type { Device, Scorer, Scores } from './types.js';
import type { ScoringCalls } from './worker.js';

type ScoringThread = Thread<ScoringCalls>;

/** Rejects if a thread that scores so must not serve. `isCold`: it has never held a model of this ranker. */
export type Examine = (score: (batch: FeatureBatch) => Promise<Scores>, isCold: boolean) => Promise<void>;

/** The threads that score. They outlive the versions they hold, so that a swap costs a session and not a thread. */
export interface ScorerPool {
  readonly device: Device;
  readonly workers: number;
  /**
   * Resolves when every thread that scores holds the model and was examined, as is every thread that takes the place of one
   * that died; rejects if it cannot be run or an examination rejects, and then no thread holds it. Models whose graph is the
   * same array share its sessions. Once anybody was scored for, a model is opened in a thread that scores for nobody, which
   * then takes the place of one that does: opening one blocks its thread for longer than several rankings take.
   */
  load(version: string, model: LoadableModel, examine?: Examine): Promise<Scorer>;
  /** Waits for what is in flight, then ends the threads. */
  close(): Promise<void>;
}

export interface PoolOptions {
  readonly device: 'auto' | Device;
  /** Threads that score at the same time; once models change, there is one more. */
  readonly workers: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** What shares a run; whatever waits, up to 128 rows, if left out. */
  readonly limits?: BatchLimits;
  /** What the threads run; the scoring worker if left out. */
  readonly entry?: URL;
}

/** A thread and what it holds. */
interface Member extends Runner {
  readonly thread: ScoringThread;
  readonly held: Set<number>;
  /** Rankers of which it has held a model. */
  readonly warm: Set<string>;
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
  /** Those that take part hold every model that anybody may ask for. */
  const members = new Set<Member>();
  /** Scores for nobody: models are opened in it. It may lack what was opened last, until it takes part again. */
  let spare: Member | undefined;
  /** Take the place of those that died once they hold every model. */
  const coming = new Set<Member>();
  /** From then on somebody waits while a thread is blocked. */
  let isAsked = false;
  let loads: Promise<unknown> = Promise.resolve();
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
  const everybody = (): Member[] => [...members, ...coming, ...(spare === undefined ? [] : [spare])];

  const start = (): Member => {
    const started = performance.now();
    const thread = startThread<ScoringCalls>(entry, (error) => {
      const wasSpare = member === spare;
      if (wasSpare) spare = undefined;
      // One that has not taken part yet is the concern of who started it.
      else if (!members.delete(member)) return;
      batcher.remove(member);
      metrics.count('watchnext_scorer_deaths_total', {});
      if (isClosed()) return;
      if (wasSpare) {
        // The next model that is opened starts another.
        logger.error({ err: error }, 'a thread died in which a model was opened; nobody was scored for in it');
        return;
      }
      logger.error({ err: error }, 'a scoring thread died and is replaced');
      failures = performance.now() - started < longestBackoffMs ? failures + 1 : 0;
      void replace();
    });
    const run = (model: number, batches: readonly FeatureBatch[]) => runIn(thread, model, batches);
    const member: Member = { thread, run, held: new Set(), warm: new Set() };
    return member;
  };
  const takePart = (member: Member): void => {
    members.add(member);
    batcher.add(member);
  };
  const loadInto = async (member: Member, model: number): Promise<void> => {
    const loaded = models.get(model);
    if (loaded === undefined || member.held.has(model)) return;
    const { content, examine } = loaded;
    const { name } = content.definition;
    member.held.add(model);
    await member.thread.call('load', { model, graph: graphNumber(content.graph), device, content });
    await examine?.((batch) => member.run(model, [batch]), !member.warm.has(name));
    member.warm.add(name);
  };
  /** Gives it every model that it lacks, except one; those that are closed meanwhile do not count. */
  const complete = async (member: Member, except?: number): Promise<void> => {
    for (const model of models.keys())
      if (model !== except)
        await loadInto(member, model).catch((error: unknown) => {
          if (models.has(model)) throw error;
        });
  };
  const replace = async (): Promise<void> => {
    for (;;) {
      await pause(backoffMs(failures), closing.signal);
      if (isClosed()) return;
      const member = start();
      // A model that is closed meanwhile is closed here, too: its memory is another's then.
      coming.add(member);
      try {
        await member.thread.call('hello', undefined);
        // Another may have come in the moment after the last.
        do await complete(member);
        while ([...models.keys()].some((model) => !member.held.has(model)));
        if (isClosed() || members.size >= workers) await member.thread.stop();
        else takePart(member);
        return;
      } catch (error) {
        await member.thread.stop();
        if (isClosed()) return;
        failures++;
        logger.error({ err: error, retryInMs: backoffMs(failures) }, 'a scoring thread could not be replaced');
      } finally {
        coming.delete(member);
      }
    }
  };
  const unloadFrom = async (member: Member, model: number): Promise<void> => {
    if (member.held.delete(model)) await member.thread.call('unload', model).catch(() => undefined);
  };

  /** The spare thread with every model but this one; undefined if there can be none. */
  const spareWithout = async (model: number): Promise<Member | undefined> => {
    const member = spare ?? start();
    try {
      if (spare === undefined) await member.thread.call('hello', undefined);
      spare = member;
      await complete(member, model);
      return member;
    } catch (error) {
      logger.error({ err: error }, 'a model is opened in a thread that scores, as there is no other');
      if (spare === member) spare = undefined;
      await member.thread.stop();
      return undefined;
    }
  };
  /** Afterwards a thread that holds the model takes part where this one did. */
  const give = async (member: Member, model: number): Promise<void> => {
    const other = isAsked ? await spareWithout(model) : undefined;
    if (other !== undefined) {
      await loadInto(other, model);
      // It may have died of it only now.
      if (spare === other) {
        changePlaces(member, other);
        return;
      }
    }
    await loadInto(member, model);
  };
  /** In one step; what was handed to the one that leaves is still answered by it. */
  const changePlaces = (member: Member, other: Member): void => {
    if (members.delete(member)) {
      batcher.remove(member);
      spare = member;
    } else if (members.size < workers) spare = undefined;
    else return; // it died, and was replaced already
    takePart(other);
  };

  const stopAll = async (): Promise<void> => {
    closing.abort();
    batcher.close();
    const stop = (): Promise<unknown> => Promise.all(everybody().map(({ thread }) => thread.stop()));
    await stop();
    // A thread that was being started meanwhile may even have taken part.
    await loads;
    await stop();
  };
  const starting = Array.from({ length: workers }, start);
  const greeted = await Promise.allSettled(starting.map(({ thread }) => thread.call('hello', undefined)));
  const refused = greeted.find((greeting) => greeting.status === 'rejected');
  if (refused !== undefined) {
    await Promise.all(starting.map(({ thread }) => thread.stop()));
    throw cannotStart(refused.reason);
  }
  for (const member of starting) takePart(member);
  const probe = async (wanted: Device): Promise<unknown> => starting[0]?.thread.call('probe', wanted);
  const device = await settleDevice(options.device, { probe, logger }).catch(async (error: unknown) => {
    await stopAll();
    throw error;
  });
  for (const name of ['cpu', 'cuda'] as const)
    metrics.set('watchnext_scorer_device', { device: name }, name === device ? 1 : 0);
  metrics.beforeScrape(() => {
    const inFlight = everybody().reduce((sum, { thread }) => sum + thread.pending, 0);
    metrics.set('watchnext_scorer_in_flight', {}, inFlight);
    // Threads change places, so that two may have done the work of one.
    const shares = everybody().map(({ thread }) => thread.utilisation());
    const mean = Math.min(1, shares.reduce((sum, share) => sum + share, 0) / workers);
    metrics.set('watchnext_worker_utilisation_ratio', { of: 'mean' }, mean);
    metrics.set('watchnext_worker_utilisation_ratio', { of: 'max' }, Math.max(mean, ...shares));
  });

  const unload = async (model: number): Promise<void> => {
    models.delete(model);
    batcher.forget(model);
    await Promise.all(everybody().map((member) => unloadFrom(member, model)));
  };
  const loadEverywhere = async (model: number): Promise<void> => {
    try {
      // With no thread to examine it, nothing would say that it may serve.
      if (members.size === 0) throw new WatchnextError('not_ready', 'No scoring thread is running.');
      for (const member of [...members]) await give(member, model);
    } catch (error) {
      await unload(model);
      throw error;
    }
  };

  return {
    device,
    workers,
    load: async (version, content, examine) => {
      const model = ++modelCount;
      const loading = loads.then(() => {
        models.set(model, { content, examine });
        return loadEverywhere(model);
      });
      loads = loading.catch(() => undefined);
      await loading;
      const lease = createLease({ close: () => unload(model) });
      let closing: Promise<void> | undefined;
      return {
        version,
        tasks: Object.keys(content.definition.tasks),
        device,
        score: async (batch, until) => {
          if (closing !== undefined) throw new WatchnextError('not_ready', `Version ${version} is closed.`);
          isAsked = true;
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
