import { WatchnextError } from '../errors.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import { nameHint } from '../nearest.js';
import { createLease, type Lease } from './lease.js';
import type { Rankers, RankerStatus, Refusal, ServedModel } from './models.js';

/** The sealed versions as this needs them: which there are, which is meant to serve. */
export interface VersionSource {
  rankers(): Promise<readonly string[]>;
  versions(ranker: string): Promise<readonly string[]>;
  active(ranker: string): Promise<string | undefined>;
  /** The version that was active before; undefined if there was none. */
  previous(ranker: string): Promise<string | undefined>;
  activate(ranker: string, version: string): Promise<void>;
}

export interface RankersOptions {
  readonly source: VersionSource;
  /** Loads and verifies a version; rejects with the reason if it must not serve. */
  readonly open: (ranker: string, version: string) => Promise<ServedModel>;
  readonly defaultRanker?: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly now: () => number;
}

export interface LiveRankers extends Rankers {
  /** Puts into service what the source says is active and is not yet: another process may have changed it. */
  refresh(): Promise<void>;
}

/** What is known of one ranker. */
interface Place {
  lease?: Lease<ServedModel>;
  refused?: Refusal;
}

/**
 * Hot swap: the next version is loaded and verified beside the one that serves, then takes its place in one step; the old
 * one is closed when its last request is done. Changes are made one at a time, in the order they were asked for.
 */
export const createRankers = (options: RankersOptions): LiveRankers => {
  const { source, open, defaultRanker, logger, metrics, now } = options;
  const places = new Map<string, Place>();
  const retiring = new Set<Promise<void>>();
  let changes: Promise<unknown> = Promise.resolve();
  let closed = false;

  const oneAtATime = <T>(change: () => Promise<T>): Promise<T> => {
    const done = changes.then(change);
    changes = done.catch(() => undefined);
    return done;
  };

  const placeOf = (ranker: string): Place => {
    const place = places.get(ranker) ?? {};
    places.set(ranker, place);
    return place;
  };

  /** Loads, verifies and puts into service. On failure everything stays as it was, and the reason is kept. */
  const swap = async (ranker: string, version: string): Promise<void> => {
    const place = placeOf(ranker);
    const old = place.lease?.resource.version;
    if (old === version || closed) return;
    const started = performance.now();
    try {
      place.lease = replaceLease(place.lease, await open(ranker, version));
    } catch (error) {
      const code = error instanceof WatchnextError ? error.code : 'internal';
      const reason = error instanceof Error ? error.message : String(error);
      place.refused = { version, code, reason, at: new Date(now()).toISOString() };
      metrics.count('watchnext_swaps_total', { ranker, outcome: 'refused' });
      logger.error({ ranker, version, serving: old, err: error }, 'a version was refused');
      throw error;
    }
    delete place.refused;
    metrics.count('watchnext_swaps_total', { ranker, outcome: 'swapped' });
    if (old !== undefined) metrics.remove('watchnext_active_version_info', { ranker, version: old });
    metrics.set('watchnext_active_version_info', { ranker, version }, 1);
    logger.info({ ranker, version, before: old, milliseconds: performance.now() - started }, 'a version serves');
  };

  const replaceLease = (old: Lease<ServedModel> | undefined, next: ServedModel): Lease<ServedModel> => {
    if (old !== undefined) {
      const done = old
        .retire()
        .catch((error: unknown) => logger.error({ err: error }, 'a version could not be closed'))
        .finally(() => retiring.delete(done));
      retiring.add(done);
    }
    return createLease(next);
  };

  const status = async (ranker: string): Promise<RankerStatus> => {
    const { lease, refused } = placeOf(ranker);
    const model = lease?.resource;
    return {
      ranker,
      active: model?.version,
      versions: await source.versions(ranker),
      ...(model && { about: model.about, device: model.scorer.device }),
      ...(refused && { refused }),
    };
  };

  const mustKnow = async (ranker: string): Promise<void> => {
    const known = await source.rankers();
    if (!known.includes(ranker)) throw unknownRanker(ranker, known);
  };

  const leaseOf = (ranker: string | undefined): Lease<ServedModel> => {
    const name = ranker ?? defaultRanker ?? (places.size === 1 ? [...places.keys()][0] : undefined);
    if (name === undefined)
      throw places.size === 0
        ? new WatchnextError('not_ready', 'No ranker has a version that serves.')
        : new WatchnextError('request_invalid', 'Which ranker is not said, and there is no default.', {
            problems: [{ path: '/ranker', message: 'is missing', hint: `one of ${[...places.keys()].join(', ')}` }],
          });
    const place = places.get(name);
    if (place === undefined) throw unknownRanker(name, [...places.keys()]);
    if (place.lease === undefined)
      throw new WatchnextError('not_ready', `Ranker ${name} has no version that serves.`, {
        ...(place.refused && { problems: [{ path: place.refused.version, message: place.refused.reason }] }),
      });
    return place.lease;
  };

  return {
    get ready() {
      return !closed && places.size > 0 && [...places.values()].every(({ lease }) => lease !== undefined);
    },
    use: async (ranker, work) => leaseOf(ranker).use(work),
    list: async () => Promise.all((await source.rankers()).map(status)),
    activate: (ranker, version) =>
      oneAtATime(async () => {
        await mustKnow(ranker);
        await swap(ranker, version);
        await source.activate(ranker, version);
        return status(ranker);
      }),
    rollback: (ranker) =>
      oneAtATime(async () => {
        await mustKnow(ranker);
        const version = await source.previous(ranker);
        if (version === undefined)
          throw new WatchnextError('artifact_missing', `Ranker ${ranker} has no version to go back to.`);
        await swap(ranker, version);
        await source.activate(ranker, version);
        return status(ranker);
      }),
    refresh: () =>
      oneAtATime(async () => {
        for (const ranker of await source.rankers()) {
          const version = await source.active(ranker);
          // What was refused stays refused until another version is meant to serve.
          if (version === undefined || placeOf(ranker).refused?.version === version) continue;
          await swap(ranker, version).catch(() => undefined);
        }
      }),
    close: async () => {
      closed = true;
      await changes;
      await Promise.all([...[...places.values()].map(({ lease }) => lease?.retire()), ...retiring]);
      places.clear();
    },
  };
};

const unknownRanker = (ranker: string, known: readonly string[]): WatchnextError =>
  new WatchnextError('ranker_unknown', 'There is no such ranker.', {
    problems: [{ path: '/ranker', message: `${ranker.slice(0, 100)} is not a ranker`, hint: nameHint(ranker, known) }],
  });
