import { referenceName, type RankerVersions } from '../artifact/index.js';
import { WatchnextError, type ErrorCode } from '../errors.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import { nameHint } from '../nearest.js';
import { createFreshness } from './freshness.js';
import { createLease, type Lease } from './lease.js';
import type { Rankers, RankerStatus, Refusal, ServedModel } from './models.js';
import type { Scorer } from './types.js';

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
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly now: () => number;
}

export interface LiveRankers extends Rankers {
  /**
   * Puts into service what the source says is active and is not yet, and the deltas that wait: another process may have
   * changed the one and published the others.
   */
  refresh(): Promise<void>;
}

/** What is known of one ranker. */
interface Place {
  /** Whether the source names an active version: what sealed versions alone do not mean. */
  meant: boolean;
  lease?: Lease<ServedModel>;
  refused?: Refusal;
  /** Why the source cannot tell the active version, as it was logged. */
  problem?: string | undefined;
  /** The sealed version whose deltas are passed over, because one of them must not serve. */
  stopped?: string | undefined;
}

const sealedName = ({ version, delta }: ServedModel): string => delta?.base ?? version;
/** What a delta is refused for; anything else may pass, and is tried again. */
const final: readonly ErrorCode[] = ['delta_refused', 'artifact_damaged', 'artifact_missing'];

/**
 * Hot swap: the next version is loaded and verified beside the one that serves, then takes its place in one step; the old
 * one is closed when its last request is done. Deltas of the version that serves take their place the same way, all that
 * wait in one step; one that must not serve puts what was sealed back into service, for good. Changes are made one at a
 * time, in the order they were asked for.
 */
export const createRankers = (options: RankersOptions): LiveRankers => {
  const { source, open, folder, defaultRanker, logger, metrics, now } = options;
  const places = new Map<string, Place>();
  const retiring = new Set<Promise<void>>();
  const freshness = createFreshness(metrics, now);
  let changes: Promise<unknown> = Promise.resolve();
  let closed = false;

  metrics.beforeScrape(() => {
    for (const { lease } of places.values()) if (lease !== undefined) exportCounters(lease.resource, metrics);
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
    if (old === version || closed) return;
    const started = performance.now();
    try {
      replace(place, await open(ranker, version));
    } catch (error) {
      const { code, reason } = (place.refused = refusalOf(version, error));
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
    logger.info({ ranker, version, before: old, milliseconds: performance.now() - started }, 'a version serves');
  };

  const refusalOf = (version: string, error: unknown): Refusal => ({
    version,
    code: error instanceof WatchnextError ? error.code : 'internal',
    reason: error instanceof Error ? error.message : String(error),
    at: new Date(now()).toISOString(),
  });

  /** Applies the deltas that wait, of which `through` may serve. */
  const follow = async (ranker: string, through: number | undefined): Promise<void> => {
    const place = placeOf(ranker);
    const model = place.lease?.resource;
    if (model?.next === undefined || closed) return;
    const base = sealedName(model);
    const { sequence: applied } = model.delta ?? { sequence: 0 };
    const withdrawn = through !== undefined && applied > through;
    if (place.stopped === base) return;
    const started = performance.now();
    try {
      const next = withdrawn
        ? await open(ranker, referenceName({ version: base, sequence: through }))
        : await model.next(through);
      if (next === undefined) return;
      replace(place, next);
      const outcome = withdrawn ? 'withdrawn' : 'applied';
      metrics.count('watchnext_deltas_total', { ranker, outcome });
      const fields = {
        ranker,
        version: next.version,
        before: model.version,
        milliseconds: performance.now() - started,
      };
      if (withdrawn) logger.warn(fields, 'deltas were withdrawn, the version before them serves');
      else logger.debug(fields, 'deltas serve');
    } catch (error) {
      logger.error({ ranker, serving: model.version, err: error }, 'a delta does not serve');
      const refusal = refusalOf(referenceName({ version: base, sequence: applied + 1 }), error);
      if (!final.some((code) => code === refusal.code)) return;
      metrics.count('watchnext_deltas_total', { ranker, outcome: 'refused' });
      place.stopped = base;
      if (applied > 0) await returnToSealed(ranker, base);
      place.refused = refusal;
    }
  };

  const returnToSealed = async (ranker: string, base: string): Promise<void> => {
    try {
      replace(placeOf(ranker), await open(ranker, base));
      logger.error({ ranker, version: base }, 'the version as it was sealed serves, its deltas are passed over');
    } catch (error) {
      logger.error({ ranker, version: base, err: error }, 'the version as it was sealed cannot serve either');
    }
  };

  /** Puts a model into service; the one before is closed when its last request is done. */
  const replace = (place: Place, next: ServedModel): void => {
    const { lease: old } = place;
    const { ranker, delta } = next;
    const follows = delta !== undefined && old !== undefined && sealedName(old.resource) === delta.base;
    if (!follows) freshness.forget(ranker);
    place.lease = createLease(watched(next));
    metrics.set('watchnext_delta_sequence', { ranker }, delta?.sequence ?? 0);
    if (old === undefined) return;
    exportCounters(old.resource, metrics);
    const done = old
      .retire()
      .catch((error: unknown) => logger.error({ err: error }, 'a version could not be closed'))
      .finally(() => retiring.delete(done));
    retiring.add(done);
  };

  /** The model, which tells by its first scores that it is in use. */
  const watched = (model: ServedModel): ServedModel => {
    const { ranker, delta, scorer } = model;
    if (delta === undefined) return model;
    const answered = freshness.learned(ranker, delta.feedbackTimes);
    const score: Scorer['score'] = async (batch) => {
      const scores = await scorer.score(batch);
      answered();
      return scores;
    };
    return { ...model, scorer: { ...scorer, score } };
  };

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

  const nothingToServe = (): string =>
    places.size === 0 ? `there is no ranker in ${folder} yet` : `no ranker in ${folder} has an active version`;

  const whatToDo = (): string =>
    places.size === 0
      ? '`watchnext train` fills it; --models names another folder'
      : 'POST /v1/models/<ranker>/activate names one';

  const leaseOf = (ranker: string | undefined): Lease<ServedModel> => {
    const meant = [...places].filter(([, place]) => place.meant).map(([name]) => name);
    const name = ranker ?? defaultRanker ?? (meant.length === 1 ? meant[0] : undefined);
    if (name === undefined)
      throw meant.length === 0
        ? new WatchnextError('not_ready', 'No ranker has a version that serves.', {
            problems: [{ path: 'models', message: nothingToServe(), hint: whatToDo() }],
          })
        : new WatchnextError('request_invalid', 'Which ranker is not said, and there is no default.', {
            problems: [{ path: '/ranker', message: 'is missing', hint: `one of ${meant.join(', ')}` }],
          });
    const place = places.get(name);
    if (place === undefined)
      throw places.size > 0
        ? unknownRanker(name, [...places.keys()])
        : new WatchnextError('not_ready', `Ranker ${name} has no version that serves.`, {
            problems: [{ path: 'models', message: nothingToServe(), hint: whatToDo() }],
          });
    if (place.lease === undefined)
      throw new WatchnextError('not_ready', `Ranker ${name} has no version that serves.`, {
        ...(place.refused && { problems: [{ path: place.refused.version, message: place.refused.reason }] }),
      });
    return place.lease;
  };

  return {
    get ready() {
      return this.notReady === undefined;
    },
    get notReady() {
      if (closed) return 'closed';
      const meant = [...places].filter(([, place]) => place.meant);
      if (meant.length === 0) return `${nothingToServe()} (${whatToDo()})`;
      const waiting = meant.filter(([, { lease }]) => lease === undefined).map(([name]) => name);
      return waiting.length === 0 ? undefined : `no version of ${waiting.join(', ')} in ${folder} serves yet`;
    },
    get definitions() {
      return [...places.values()].flatMap(({ lease }) => (lease === undefined ? [] : [lease.resource.definition]));
    },
    use: async (ranker, work) => leaseOf(ranker).use(work),
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
        for (const { ranker, active: version, through, problem } of await source.list()) {
          const place = placeOf(ranker);
          if (problem !== undefined && problem !== place.problem)
            logger.error({ ranker, reason: problem }, 'the active version of a ranker cannot be told');
          place.problem = problem;
          place.meant = version !== undefined || problem !== undefined;
          // What was refused stays refused until another version is meant to serve.
          if (version === undefined || place.refused?.version === version) continue;
          await swap(ranker, version, false).catch(() => undefined);
          const { resource: model } = place.lease ?? {};
          if (model !== undefined && sealedName(model) === version) await follow(ranker, through);
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

/** Hands on what the features met since the last time. */
const exportCounters = ({ ranker, counters }: ServedModel, metrics: Metrics): void => {
  for (const [feature, counter] of counters ?? []) {
    const met = { missing: counter.missing, unknown: counter.unknown, out_of_range: counter.outOfRange };
    for (const [problem, times] of Object.entries(met))
      if (times > 0) metrics.count('watchnext_feature_problems_total', { ranker, feature, problem }, times);
    Object.assign(counter, { missing: 0, unknown: 0, outOfRange: 0 });
  }
};

const unknownRanker = (ranker: string, known: readonly string[]): WatchnextError =>
  new WatchnextError('ranker_unknown', 'There is no such ranker.', {
    problems: [{ path: '/ranker', message: `${ranker.slice(0, 100)} is not a ranker`, hint: nameHint(ranker, known) }],
  });
