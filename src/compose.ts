import type { RequestListener } from 'node:http';
import { resolve } from 'node:path';
import { WatchnextError } from './errors.js';
import { openLmdbStore, type FeatureStore } from './features/index.js';
import { createApp } from './http/index.js';
import { createRankers, createScorerPool, openModel, openVersions } from './inference/index.js';
import { createEntities, createRanking } from './ranking/index.js';
import { refuseFeedback } from './recording/index.js';
import type { Settings } from './settings.js';
import { createMetrics, watchProcess, type Logger } from './telemetry/index.js';

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
  /** Of this software. */
  readonly version: string;
  readonly now?: () => number;
}

/** Puts the parts together; the only place that knows them all. Resolves when the active versions serve, or were refused. */
export const compose = async ({ settings, logger, version, now = Date.now }: ComposeOptions): Promise<Service> => {
  const metrics = createMetrics();
  const { device, workers, scoreTimeoutMs, ranker } = settings;
  // First, because opening it can fail before there is anything to close.
  const store = openStore(settings.store);
  const pool = await createScorerPool({ device, workers, logger, metrics }).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  const versions = openVersions(settings.models, logger);
  const rankers = createRankers({
    source: versions,
    folder: resolve(settings.models),
    open: (name, wanted) => openModel({ versions, pool }, name, wanted),
    ...(ranker !== undefined && { defaultRanker: ranker }),
    logger,
    metrics,
    now,
  });
  const entities = createEntities({ store, metrics, now });
  const rank = createRanking({ rankers, entities, metrics, logger, now, scoreTimeoutMs });

  let draining = false;
  const readiness = {
    get draining() {
      return draining;
    },
    notReady: () => (draining ? 'draining' : rankers.notReady),
  };
  metrics.beforeScrape(() => metrics.set('watchnext_ready', {}, readiness.notReady() === undefined ? 1 : 0));
  const unwatch = watchProcess(metrics);

  const refresh = (): Promise<void> =>
    rankers.refresh().catch((error: unknown) => logger.error({ err: error }, 'the models folder could not be read'));
  await refresh();
  if (rankers.notReady !== undefined)
    logger.warn({ folder: resolve(settings.models) }, `not ready: ${rankers.notReady}`);
  let timer = setTimeout(poll, settings.pollMs).unref();
  function poll(): void {
    void refresh().finally(() => {
      if (!draining) timer = setTimeout(poll, settings.pollMs).unref();
    });
  }

  return {
    app: createApp({
      rank,
      feedback: refuseFeedback,
      entities,
      rankers,
      readiness,
      metrics,
      logger,
      settings,
      version,
    }),
    drain: () => {
      draining = true;
      clearTimeout(timer);
    },
    close: async () => {
      draining = true;
      clearTimeout(timer);
      unwatch();
      await rankers.close();
      await Promise.all([pool.close(), versions.close(), store.close()]);
    },
  };
};

const openStore = (path: string): FeatureStore => {
  try {
    return openLmdbStore(path);
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
