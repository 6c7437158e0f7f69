import type { RankerVersions } from '../artifact/index.js';
import type { RankerDefinition } from '../definition/index.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import { createFollow } from './follow.js';
import { createFreshness } from './freshness.js';
import { createLease, type Lease } from './lease.js';
import { createPins, type PinnedVersion } from './pins.js';
import type { Rankers, RankerStatus, ServedModel } from './models.js';
import { nothingServes, unknownRanker, unserved } from './unserved.js';
import { exportCounters, exportSources, refusalOf, sealedName, watched, type Place } from './place.js';

/** The sealed versions as this needs them: which there are, which is meant to serve. */
export interface VersionSource {
  list(): Promise<readonly RankerVersions[]>;
  activate(ranker: string, version: string): Promise<unknown>;
  /** Goes back to the version that was active before and answers it. */
  rollback(ranker: string): Promise<string>;
}

export interface RankersOptions {
  readonly source: VersionSource;
  /** Loads and verifies a version; rejects with the reason if it must not serve. */
  readonly open: (ranker: string, version: string) => Promise<ServedModel>;
  /** The folder of the source, for messages. */
  readonly folder: string;
  readonly defaultRanker?: string;
  /** The versions that arms name now, asked at each refresh; a ranker left out is every one that has the version. */
  readonly pinned?: () => readonly { readonly ranker?: string; readonly version?: string }[];
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly now: () => number;
}

export interface LiveRankers extends Rankers {
  /**
   * Puts into service what the source says is active and is not yet, the deltas that wait and the versions that are pinned:
   * another process may have changed the first and published the second.
   */
  refresh(): Promise<void>;
  /** The source as the last refresh found it, and the definitions of the versions that serve. */
  readonly catalogue: {
    rankers(): readonly string[];
    versions(ranker: string): readonly string[];
    definitionOf(ranker: string): RankerDefinition | undefined;
    /** Whether deltas of the stream serve. */
    learns(ranker: string): boolean;
  };
}

/** As for versions that arms name. */
const retryMs = 60_000;

/**
 * Hot swap: the next version is loaded and verified beside the one that serves, then takes its place in one step; the old
 * one is closed when its last request is done. Deltas of the version that serves take their place the same way, all that
 * wait in one step; one that must not serve puts what was sealed back into service, for good. Pinned versions are loaded
 * beside the active ones, as they were sealed. Changes are made one at a time, in the order they were asked for.
 */
export const createRankers = (options: RankersOptions): LiveRankers => {
  const { source, open, folder, defaultRanker, pinned, logger, metrics, now } = options;
  const places = new Map<string, Place>();
  const retiring = new Set<Promise<void>>();
  const freshness = createFreshness(metrics, now);
  const pins = createPins({ open, logger, metrics, now });
  let listed: readonly RankerVersions[] = [];
  let changes: Promise<unknown> = Promise.resolve();
  let closed = false;

  metrics.beforeScrape(() => {
    for (const { lease } of places.values()) if (lease !== undefined) exportCounters(lease.resource, metrics);
    pins.exportCounters();
  });

  const oneAtATime = <T>(change: () => Promise<T>): Promise<T> => {
    const done = changes.then(change);
    changes = done.catch(() => undefined);
    return done;
  };

  const placeOf = (ranker: string): Place => {
    const place = places.get(ranker) ?? { meant: false };
    places.set(ranker, place);
    return place;
  };

  /** Loads, verifies and puts into service; `asked` says whether a caller wants it, or the folder says so. On failure everything stays as it was, and the reason is kept. */
  const swap = async (ranker: string, version: string, asked = true): Promise<void> => {
    const place = placeOf(ranker);
    const old = place.lease && sealedName(place.lease.resource);
    const before = place.lease?.resource.sources;
    if (old === version || closed) return;
    const started = performance.now();
    try {
      replace(place, await open(ranker, version));
    } catch (error) {
      const { code, reason } = (place.refused = refusalOf(version, error, now()));
      metrics.count('watchnext_swaps_total', { ranker, outcome: 'refused' });
      // What a caller asked for in vain is in the answer; the operator’s own choice, or a fault here, is an error.
      if (asked && code !== 'internal')
        logger.warn({ ranker, version, serving: old, code, reason }, 'a version was refused');
      else logger.error({ ranker, version, serving: old, err: error }, 'a version was refused');
      throw error;
    }
    delete place.refused;
    delete place.stopped;
    metrics.count('watchnext_swaps_total', { ranker, outcome: 'swapped' });
    if (old !== undefined) metrics.remove('watchnext_active_version_info', { ranker, version: old });
    metrics.set('watchnext_active_version_info', { ranker, version }, 1);
    exportSources(ranker, metrics, { before, now: place.lease?.resource.sources });
    logger.info({ ranker, version, before: old, milliseconds: performance.now() - started }, 'a version serves');
  };

  /** Puts a model into service; the one before is closed when its last request is done. */
  const replace = (place: Place, next: ServedModel): void => {
    const { lease: old } = place;
    const { ranker, delta } = next;
    const follows = delta !== undefined && old !== undefined && sealedName(old.resource) === delta.base;
    if (!follows) freshness.forget(ranker);
    place.lease = createLease(watched(next, freshness));
    metrics.set('watchnext_delta_sequence', { ranker }, delta?.sequence ?? 0);
    if (old === undefined) return;
    exportCounters(old.resource, metrics);
    const done = old
      .retire()
      .catch((error: unknown) => logger.error({ err: error }, 'a version could not be closed'))
      .finally(() => retiring.delete(done));
    retiring.add(done);
  };

  /**
   * What is damaged, until another version is meant to serve; for other reasons, such as a thread that died, for a while: they
   * may pass.
   */
  const staysRefused = ({ refused }: Place, version: string): boolean =>
    refused?.version === version && (refused.code === 'artifact_damaged' || now() - Date.parse(refused.at) < retryMs);

  const follow = createFollow({ open, replace, logger, metrics, now });

  const status = ({ ranker, versions, refused: refusals = [] }: RankerVersions): RankerStatus => {
    const { lease, refused } = placeOf(ranker);
    const model = lease?.resource;
    const summary = freshness.of(ranker);
    return {
      ranker,
      active: model && sealedName(model),
      ...(model && { version: model.version, delta: model.delta?.sequence ?? 0 }),
      ...(model?.delta && { learnedUntil: new Date(model.delta.learnedUntil).toISOString() }),
      ...(summary && { freshness: summary }),
      versions: versions.map(({ version }) => version),
      ...(model && { about: model.about, device: model.scorer.device }),
      ...(refused && { refused }),
      ...(pins.of(ranker).length > 0 && { pinned: pins.of(ranker) }),
      ...(refusals.length > 0 && { refusals }),
    };
  };

  const find = async (ranker: string): Promise<RankerVersions> => {
    const known = await source.list();
    const found = known.find((each) => each.ranker === ranker);
    if (found === undefined)
      throw unknownRanker(
        ranker,
        known.map((each) => each.ranker),
      );
    return found;
  };

  const nameOf = (ranker: string | undefined): string | undefined => {
    if (ranker !== undefined || defaultRanker !== undefined) return ranker ?? defaultRanker;
    let only: string | undefined;
    for (const [name, { meant }] of places) {
      if (meant && only !== undefined) return undefined;
      if (meant) only = name;
    }
    return only;
  };

  /** What serves a ranker's requests, or with a version what is pinned of it. */
  const servingLease = (name: string | undefined, version: string | undefined): Lease<ServedModel> | undefined => {
    if (name === undefined) return undefined;
    return version === undefined ? places.get(name)?.lease : pins.leaseOf({ ranker: name, version });
  };

  const leaseOf = (ranker: string | undefined, version: string | undefined): Lease<ServedModel> => {
    const name = nameOf(ranker);
    const lease = servingLease(name, version);
    if (lease === undefined) throw unserved({ name, version, places, folder });
    return lease;
  };

  const pinnedVersions = (): PinnedVersion[] =>
    (pinned?.() ?? []).flatMap(({ ranker, version }) => {
      if (version === undefined) return [];
      if (ranker !== undefined) return [{ ranker, version }];
      const having = listed.filter(({ versions }) => versions.some((each) => each.version === version));
      return having.map((each) => ({ ranker: each.ranker, version }));
    });

  return {
    get ready() {
      return this.notReady === undefined;
    },
    get notReady() {
      if (closed) return 'closed';
      const meant = [...places].filter(([, place]) => place.meant);
      if (meant.length === 0) {
        const { message, hint } = nothingServes(places, folder);
        return `${message} (${hint})`;
      }
      const waiting = meant.filter(([, { lease }]) => lease === undefined).map(([name]) => name);
      return waiting.length === 0 ? undefined : `no version of ${waiting.join(', ')} in ${folder} serves yet`;
    },
    get definitions() {
      return [...places.values()].flatMap(({ lease }) => (lease === undefined ? [] : [lease.resource.definition]));
    },
    catalogue: {
      rankers: () => listed.map(({ ranker }) => ranker),
      versions: (ranker) => listed.find((each) => each.ranker === ranker)?.versions.map(({ version }) => version) ?? [],
      definitionOf: (ranker) => places.get(ranker)?.lease?.resource.definition,
      learns: (ranker) => places.get(ranker)?.lease?.resource.delta !== undefined,
    },
    use: async (ranker, work, version) => leaseOf(ranker, version).use(work),
    definitionOf: (ranker, version) => servingLease(nameOf(ranker), version)?.resource.definition,
    list: async () => (await source.list()).map(status),
    activate: (ranker, version) =>
      oneAtATime(async () => {
        const found = await find(ranker);
        await swap(ranker, version);
        await source.activate(ranker, version);
        placeOf(ranker).meant = true;
        delete placeOf(ranker).stopped;
        return status(found);
      }),
    rollback: (ranker) =>
      oneAtATime(async () => {
        const found = await find(ranker);
        const there = new Set(found.versions.map(({ version }) => version));
        const target = found.previous.find((version) => there.has(version));
        if (target !== undefined) await swap(ranker, target);
        await swap(ranker, await source.rollback(ranker));
        return status(found);
      }),
    refresh: () =>
      oneAtATime(async () => {
        listed = await source.list();
        for (const { ranker, active: version, through, problem } of listed) {
          const place = placeOf(ranker);
          if (problem !== undefined && problem !== place.problem)
            logger.error({ ranker, reason: problem }, 'the active version of a ranker cannot be told');
          place.problem = problem;
          place.meant = version !== undefined || problem !== undefined;
          if (version === undefined || staysRefused(place, version)) continue;
          await swap(ranker, version, false).catch(() => undefined);
          const { resource: model } = place.lease ?? {};
          if (model !== undefined && sealedName(model) === version && !closed) await follow(place, through);
        }
        if (!closed) await pins.keepOnly(pinnedVersions());
      }),
    close: async () => {
      closed = true;
      await changes;
      await Promise.all([...[...places.values()].map(({ lease }) => lease?.retire()), ...retiring, pins.close()]);
      places.clear();
    },
  };
};
