import type { RankerDefinition } from './definition/index.js';
import { createDrift } from './drift/index.js';
import { recordOf } from './events/index.js';
import { noExperiments, readConfiguration, type Experiments } from './experiments/index.js';
import { createFeatureReader, createFeatureState, createMemoryStore } from './features/index.js';
import { createApp, createMessageClasses, openInProcess } from './http/index.js';
import type { Rankers, Scorer, ServedModel } from './inference/index.js';
import { madeUpFields } from './made-up.js';
import { SeededRandom } from './random.js';
import { createEntities, createRanking, type Entities, type EntityId } from './ranking/index.js';
import { refuseFeedback } from './recording/index.js';
import { openAccess } from './security/index.js';
import type { Settings } from './settings.js';
import { createMetrics, silentLogger, type Logger } from './telemetry/index.js';

export interface RehearsalOptions {
  /** Those that will serve. */
  readonly rankers: Rankers & { readonly catalogue: { rankers(): readonly string[] } };
  readonly experiments: Experiments;
  /** Whether answers will be logged. */
  readonly logged: boolean;
  /** Items that were read ahead, and what reads them without counting; none if left out. */
  readonly ahead?: { readonly items: readonly EntityId[]; readonly read: Entities['read'] };
  readonly settings: Settings;
  readonly logger: Logger;
  readonly now: () => number;
}

const candidates = 200;
/** Rankings of one ranker; when so many were taken all the way, the engine has compiled what they ran through. */
const rankings = 120;
/** Of all rankers together: nobody waits longer for a service that is ready but for this. */
const longestMs = 2000;
/** Made-up items; requests name some of them, in turn. */
const items = 1000;

/**
 * Takes made-up rankings all the way that requests will take: HTTP, checks, arms, fields, features, scores combined, answer, log entry. So the
 * code is compiled before the first of them comes, who else would wait several times as long, and what is made of an item when
 * it is first ranked is made of those that were read ahead. It leaves no other trace: metrics,
 * entities, feature state and its counters, drift and log are others than those of the service, and nobody's limits are touched.
 * Experiments are made up where there are any, as those that serve count what they are asked.
 * Scores are made up too, as threads were warmed when they were loaded. Never rejects: what fails here only leaves the code cold.
 */
export const rehearse = async (options: RehearsalOptions): Promise<void> => {
  const { rankers, logger } = options;
  const started = performance.now();
  const names = rankers.catalogue.rankers().filter((name) => rankers.definitionOf(name) !== undefined);
  let done = 0;
  try {
    for (const [index, name] of names.entries()) {
      const until = started + ((index + 1) * longestMs) / names.length;
      done += await rehearseRanker(name, until, options);
    }
    const itemsReadAhead = options.ahead?.items.length ?? 0;
    logger.info({ rankings: done, itemsReadAhead, milliseconds: performance.now() - started }, 'rehearsed');
  } catch (error) {
    logger.warn({ err: error }, 'the rehearsal failed: the first rankings are slower than others');
  }
};

const rehearseRanker = async (
  name: string,
  until: number,
  { rankers, experiments, logged, ahead, settings, now }: RehearsalOptions,
): Promise<number> => {
  const definition = rankers.definitionOf(name);
  if (definition === undefined) return 0;
  const metrics = createMetrics();
  const logger = silentLogger;
  const madeUp = createEntities({ store: createMemoryStore(), metrics, now });
  const real = ahead !== undefined && ahead.items.length >= candidates ? ahead : undefined;
  const read: Entities['read'] = (kind, ids) => (kind === 'item' && real ? real : madeUp).read(kind, ids);
  const entities = { ...madeUp, read };
  const drift = createDrift({ metrics, now });
  const stage = understudies(rankers);
  const assigning = experiments === noExperiments ? noExperiments : madeUpExperiments();
  // What it takes, whatever is allowed to others.
  const allowed = { ...settings, maxCandidates: candidates, bodyLimitBytes: Infinity, deadlineMs: longestMs };
  const rank = createRanking({
    ...{ rankers: stage, entities, metrics, logger, now, experiments: assigning },
    scored: (rows) => drift.shown(rows),
    ...(logged && { record: (event) => void recordOf(event()) }),
  });
  const access = await openAccess({ host: '127.0.0.1', logger, metrics, now });
  const messages = createMessageClasses();
  const service = openInProcess(
    createApp({
      ...{ rank, feedback: refuseFeedback, entities, rankers: stage, access, metrics, logger, messages },
      experiments: assigning,
      settings: allowed,
      readiness: { draining: false, notReady: () => undefined },
      version: '0.0.0',
    }),
    messages,
  );
  try {
    const random = new SeededRandom(1);
    const put = real === undefined ? itemsFor(definition, random, now()) : [];
    await entities.put('item', put);
    const ids = real?.items ?? put.map(({ id }) => id);
    for (let ranking = 0; ranking < rankings; ranking++) {
      if (performance.now() >= until) return ranking;
      const status = await service.post('/v1/rank', bodyFor(name, definition, { random, now: now(), ranking, ids }));
      if (status !== 200) throw new Error(`a made-up ranking was answered with ${status}`);
    }
    return rankings;
  } finally {
    await access.close();
  }
};

/** The rankers with models whose features and scores are read of nothing and counted nowhere. */
const understudies = (rankers: Rankers): Rankers => {
  const known = new WeakMap<ServedModel, ServedModel>();
  const standIn = (model: ServedModel): ServedModel => {
    const { definition } = model;
    const reader = createFeatureReader({ definition, state: createFeatureState(definition) });
    return { ...model, reader, scorer: unscored(model.scorer), close: () => Promise.resolve() };
  };
  return {
    ...rankers,
    ready: true,
    notReady: undefined,
    use: (ranker, work, version) =>
      rankers.use(
        ranker,
        (model) => {
          const other = known.get(model) ?? standIn(model);
          known.set(model, other);
          return work(other);
        },
        version,
      ),
  };
};

const unscored = (scorer: Scorer): Scorer => {
  const heads = (rows: number): Float32Array =>
    Float32Array.from({ length: rows * scorer.tasks.length }, (_, index) => ((index * 7919) % 997) / 1000);
  return { ...scorer, score: (batch) => Promise.resolve({ heads: heads(batch.rows) }), close: () => Promise.resolve() };
};

/** Half of all users are in each arm, and the arms differ in nothing but their names. */
const madeUpExperiments = (): Experiments => {
  const variations = [{}, {}];
  const meta = [{ key: 'control' }, { key: 'changed' }];
  const rules = [{ key: 'rehearsal', phase: '1', hashVersion: 2, variations, meta }];
  const { assign } = readConfiguration({ features: { rehearsal: { defaultValue: {}, rules } } }, 'the rehearsal');
  return { ...noExperiments, assign };
};

const itemsFor = (definition: RankerDefinition, random: SeededRandom, now: number) =>
  Array.from({ length: items }, (_, index) => ({
    id: `i${index}`,
    fields: madeUpFields(definition, random, now).candidate,
  }));

/** Mostly items that are known, all of them in turn; now and then with their fields in the request. */
const bodyFor = (
  ranker: string,
  definition: RankerDefinition,
  parts: {
    readonly random: SeededRandom;
    readonly now: number;
    readonly ranking: number;
    readonly ids: readonly EntityId[];
  },
): string => {
  const { random, now, ranking, ids } = parts;
  const { user, context, candidate } = madeUpFields(definition, random, now);
  const brings = ranking % 4 === 3;
  return JSON.stringify({
    ranker,
    user: { id: `u${random.below(1000)}`, ...user },
    context,
    candidates: Array.from({ length: candidates }, (_, at) => ({
      id: ids[(ranking * candidates + at) % ids.length],
      ...(brings && candidate),
    })),
  });
};
