import type { RequestListener } from 'node:http';
import { resolve } from 'node:path';
import { createDrivenClock } from './clock.js';
import { WatchnextError } from './errors.js';
import type { RankerDefinition } from './definition/index.js';
import { createDrift } from './drift/index.js';
import type { Exposure, Impression } from './events/index.js';
import { openConfigured, openExposures, retellExposures } from './experimenting.js';
import { noExperiments, type Experiments } from './experiments/index.js';
import { openLmdbStore, openRedisStore, type FeatureStore } from './features/index.js';
import { createApp, type MessageClasses } from './http/index.js';
import { createRankers, createScorerPool, openModel, openVersions } from './inference/index.js';
import { pollEvery } from './polling.js';
import { createEntities, createRanking, nameRecent, readAhead } from './ranking/index.js';
import { createLive, type Live } from './live/index.js';
import { openLog } from './log.js';
import { createFeedback, createRecorder, recordUpdates, refuseFeedback, type Recorder } from './recording/index.js';
import { rehearse, type RehearsalOptions } from './rehearsal.js';
import { openAccess } from './security/index.js';
import type { Settings } from './settings.js';
import {
  createMetrics,
  createTracer,
  serveMetrics,
  watchProcess,
  type Logger,
  type Metrics,
  type Tracer,
} from './telemetry/index.js';

export interface Service {
  readonly app: RequestListener;
  /** From now on: not ready, and every answer ends its connection. */
  drain(): void;
  /** Frees threads, sessions and the store. Call when no request is in flight any more. */
  close(): Promise<void>;
}

export interface ComposeOptions {
  readonly settings: Settings;
  readonly logger: Logger;
  /** Of the server that will answer with it. */
  readonly messages: MessageClasses;
  /** Of this software. */
  readonly version: string;
  readonly now?: () => number;
}

/** How long saying the time waits for feature state; a state that cannot follow the log must not stop the clock. */
const settlePatienceMs = 30_000;

/** Puts the parts together; the only place that knows them all. Resolves when the active versions serve, or were refused. */
export const compose = async (options: ComposeOptions): Promise<Service> => {
  const { settings, logger, messages, version, now = Date.now } = options;
  const metrics = createMetrics();
  const driven = settings.clock === 'requests' ? createDrivenClock() : undefined;
  /** Of everything that happens in event time; what waits and expires here goes by the wall clock. */
  const eventNow = driven === undefined ? now : () => driven.now();
  const { device, workers, batchRows, batchWaitUs, ranker } = settings;
  const open = createOpened();
  let draining = false;
  let notReady: () => string | undefined = () => 'the models are being loaded';
  const readiness = {
    get draining() {
      return draining;
    },
    notReady: () => (draining ? 'draining' : notReady()),
  };
  metrics.beforeScrape(() => metrics.set('watchnext_ready', {}, readiness.notReady() === undefined ? 1 : 0));
  // Before the models, which take seconds: a port that is taken is told at once, and loading can be watched.
  const { metricsPort: port, metricsHost } = settings;
  if (port !== undefined) {
    const problem = (): string | undefined => readiness.notReady();
    const { url } = await open.keep(() => serveMetrics({ host: metricsHost, port, metrics, problem }));
    logger.info({ url }, 'metrics are served here too');
  }
  const access = await open.keep(() => openAccess({ ...accessSettings(settings), logger, metrics, now }));
  const store = await open.keep(() => openStore(settings, { logger, metrics }));
  const exposures = await open.keep(() => openExposures(settings, { logger, now }));
  const log = await openEvents({ open, settings, logger, metrics, now, eventNow });
  const states = log && { states: log.live };
  const pool = await open.keep(() =>
    createScorerPool({ device, workers, limits: { rows: batchRows, waitUs: batchWaitUs }, logger, metrics }),
  );
  const versions = await open.keep(() => openVersions(settings.models, logger));
  let experiments: Experiments = noExperiments;
  const rankers = await open.keep(() =>
    createRankers({
      source: versions,
      folder: resolve(settings.models),
      open: (name, wanted) => openModel({ versions, pool, ...states }, name, wanted),
      ...(ranker !== undefined && { defaultRanker: ranker }),
      pinned: () => experiments.armSettings(),
      logger,
      metrics,
      now: eventNow,
    }),
  );
  const refresh = (): Promise<void> =>
    rankers.refresh().catch((error: unknown) => logger.error({ err: error }, 'the models folder could not be read'));
  await refresh();
  // Arms are held against the rankers that there are; then the versions that they name are loaded.
  const { catalogue } = rankers;
  experiments = await open.keep(() => openConfigured(settings, { catalogue, logger, metrics, now }));
  const { loadedAt, experiments: running } = experiments.status();
  if (loadedAt !== undefined) await Promise.all([refresh(), exposures.keepOnly(phasesOf(running))]);
  if (log !== undefined && experiments !== noExperiments)
    await open.keep(() => retellExposures({ exposures, experiments, recorder: log.recorder, settings, logger, now }));
  if (rankers.notReady !== undefined)
    logger.warn({ folder: resolve(settings.models) }, `not ready: ${rankers.notReady}`);
  const { storeCacheEntries: capacity, storeCacheAgeMs: maxAgeMs } = settings;
  const known = createEntities({ store, metrics, now, capacity, maxAgeMs });
  const kept = { store, entities: known, capacity };
  await open.keep(() => ({ close: () => nameRecent(kept).catch(() => undefined) }));
  const entities = log === undefined ? known : recordUpdates(known, log.recorder, eventNow);
  const record = log && {
    record: (event: () => Impression | Exposure, settled?: () => void): void => log.recorder.offer([event], settled),
  };
  const tracer = await openTracer(open, settings, version);
  const drift = createDrift({ metrics, now });
  const rank = createRanking({
    ...{ rankers, entities, metrics, logger, now: eventNow },
    ...record,
    scored: (rows) => drift.shown(rows),
    ...(experiments !== noExperiments && { experiments }),
    exposures,
  });
  const definitions = (): readonly RankerDefinition[] => rankers.definitions;
  const heard = driven && { onTime: (timeMs: number) => driven.hear(timeMs) };
  const feedback =
    log === undefined ? refuseFeedback : createFeedback({ ...log, definitions, metrics, now: eventNow, ...heard });

  const unwatch = watchProcess(metrics, { version });

  const settle = async (): Promise<void> => {
    await log?.recorder.mark();
    await refresh();
    await log?.live.caughtUp(settlePatienceMs);
  };
  const { items } = await readAhead(kept);
  const ahead: RehearsalOptions['ahead'] = { items, read: (kind, ids) => known.readUncounted(kind, ids) };
  await rehearse({ rankers, experiments, logged: log !== undefined, ahead, settings, logger, now });
  notReady = () => rankers.notReady;
  const polling = pollEvery(settings.pollMs, refresh, () => undefined);

  return {
    app: createApp({
      rank,
      feedback,
      entities,
      rankers,
      experiments,
      ...(driven && { clock: { ...driven, settle } }),
      ...(tracer && { tracer }),
      readiness,
      access,
      messages,
      metrics,
      logger,
      settings,
      version,
    }),
    drain: () => {
      draining = true;
      void polling.close();
    },
    close: async () => {
      draining = true;
      await polling.close();
      unwatch();
      await open.close();
    },
  };
};

const accessSettings = ({ keysFile, adminKey, host }: Settings) => ({
  host,
  ...(keysFile !== undefined && { keysFile }),
  ...(adminKey !== undefined && { adminKey }),
});

const openTracer = async (
  open: ReturnType<typeof createOpened>,
  { otlpEndpoint: endpoint, otlpHeaders: headers, traceRatio: ratio }: Settings,
  version: string,
): Promise<Tracer | undefined> =>
  endpoint === undefined
    ? undefined
    : open.keep(() => createTracer({ endpoint, ratio, version, ...(headers !== undefined && { headers }) }));

const phasesOf = (running: ReturnType<Experiments['status']>['experiments']) =>
  running.map(({ key, phase }) => ({ experiment: key, phase }));

/** What was opened so far: closed in the opposite order, all of it, also when opening the next fails. */
const createOpened = () => {
  const kept: { close(): Promise<unknown> }[] = [];
  const close = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (let last = kept.pop(); last !== undefined; last = kept.pop())
      await last.close().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  };
  return {
    close,
    keep: async <T extends { close(): Promise<unknown> }>(work: () => T | Promise<T>): Promise<T> => {
      try {
        const opened = await work();
        kept.push(opened);
        return opened;
      } catch (error) {
        // Why it could not be opened says more than what went wrong on the way back.
        await close().catch(() => undefined);
        throw error;
      }
    },
  };
};

/** What writes the event log and what follows it. */
interface Events {
  readonly recorder: Recorder;
  readonly live: Live;
}

const openEvents = async (parts: {
  readonly open: ReturnType<typeof createOpened>;
  readonly settings: Settings;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly now: () => number;
  readonly eventNow: () => number;
}): Promise<Events | undefined> => {
  const { open, settings, logger, metrics, now, eventNow } = parts;
  if (settings.log === 'off') return undefined;
  const log = await open.keep(() => openLog(settings, { logger, now, writes: ['events'], spool: { metrics } }));
  // Where the time is said, everything that happened before it was said too: then the log is marked as complete up to it, and
  // feature state takes it in. In between neither moves, so that nothing depends on how fast anything is.
  const said = settings.clock === 'requests';
  const live = await open.keep(() => createLive({ log, logger, metrics, now: eventNow, onDemand: said }));
  const marks = said ? { markerMs: Infinity } : {};
  const recorder = await open.keep(() => createRecorder({ log, metrics, logger, now: eventNow, ...marks }));
  return { live, recorder };
};

const openStore = async (
  { store: path, redisUrl, redisPrefix, redisTimeoutMs }: Settings,
  { logger, metrics }: { readonly logger: Logger; readonly metrics: Metrics },
): Promise<FeatureStore> => {
  if (redisUrl !== undefined)
    return openRedisStore({ url: redisUrl, prefix: redisPrefix, timeoutMs: redisTimeoutMs, logger, metrics });
  try {
    const store = openLmdbStore(path);
    metrics.set('watchnext_store_available', {}, 1);
    return store;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new WatchnextError('settings_invalid', `The store ${path} cannot be opened: ${message}.`, {
      problems: [
        { path: 'store', message, hint: 'name a folder that this process may write, or one that is not there' },
      ],
      cause,
    });
  }
};
