import type { Exposure, Impression } from '../events/index.js';
import type { Experiments, ExposureMemory } from '../experiments/index.js';
import type { FeatureBatch } from '../features/index.js';
import { NotRun, type Rankers, type Scores, type ServedModel } from '../inference/index.js';
import { combine, orderRandom, sampleOrder, topRows, varies, type DrawnOrder } from '../policy/index.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import { scoredAnswer, unscoredItems } from './answer.js';
import { createAssigning, nothing, type Assigned } from './assign.js';
import type { Entities } from './entities.js';
import { rateScores } from './fallback.js';
import { impressionOf, type Shown } from './impression.js';
import { mergeFields, storedUser, type Merged, type StoredUser } from './merge.js';
import { rulesOf, type Rules } from './rules.js';
import { stageTimer, withDeadline } from './stages.js';
import type { FallbackReason, RankAnswer, RankRequest } from './types.js';
import { requestWarnings, type FieldWarning } from './warnings.js';

export interface RankingDependencies {
  readonly rankers: Rankers;
  readonly entities: Entities;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Takes what was shown, to be logged when there is time, and tells when it is or cannot be: must neither throw nor wait. Nothing is logged without. */
  readonly record?: (shown: () => Impression | Exposure, settled?: () => void) => void;
  /** Nobody takes part in any without. */
  readonly experiments?: Experiments;
  /** Told of every order by scores of an active version; must neither throw nor wait. */
  readonly scored?: (scored: ScoredRows) => void;
  /** Of whose exposure the log knows. */
  readonly exposures?: ExposureMemory;
}

/** What was read and scored for one request. */
export interface ScoredRows {
  readonly model: ServedModel;
  readonly batch: FeatureBatch;
  /** [rows, tasks], in natural units. */
  readonly heads: Float32Array;
  /** Rows that are shown, best first. */
  readonly rows: ArrayLike<number>;
}

export type Rank = (request: RankRequest) => Promise<RankAnswer>;

/** What the stages hand down. */
interface Attempt {
  readonly request: RankRequest;
  /** Event time: of everything that is said of this answer. */
  readonly time: number;
  readonly stored: () => Promise<StoredUser>;
  readonly assigned: Assigned;
  readonly model: ServedModel;
  readonly rules: Rules;
  readonly warnings: readonly FieldWarning[];
}

/** What was read for an attempt. */
interface Read extends Merged {
  readonly batch: FeatureBatch;
}

/**
 * The pipeline, top to bottom: arms, ranker and version, rules, fields, features, scores, one score per candidate, order.
 * What the caller got wrong throws; what goes wrong here (features, scoring) is answered in a stated fallback order.
 */
export const createRanking = (dependencies: RankingDependencies): Rank => {
  const { rankers, entities, metrics, logger, now, record, experiments, exposures } = dependencies;
  const timed = stageTimer(metrics);
  const assign =
    experiments === undefined
      ? () => Promise.resolve(nothing)
      : createAssigning({ experiments, rankers, metrics, logger, now });
  const isLogged = ({ log }: RankRequest): boolean => record !== undefined && log !== false;

  return async (request) => {
    const time = request.time ?? now();
    const stored = storedUser(request, entities);
    const { timeline } = request;
    const assigning = performance.now();
    const assigned = await assign(request, stored);
    if (experiments !== undefined) timeline?.span('assign', assigning);
    const { ranker = request.ranker, version } = assigned.settings;
    const answer = async (model: ServedModel): Promise<RankAnswer> => {
      const rules = rulesOf(model.definition, assigned.settings, { request, logged: isLogged(request) });
      timeline?.note({ ranker: model.ranker, version: model.version, candidates: request.candidates.length });
      metrics.count('watchnext_rankings_total', { ranker: model.ranker });
      metrics.observe('watchnext_rank_candidates', {}, request.candidates.length);
      const warnings = requestWarnings(request, model.definition, time);
      const attempt = { request, time, stored, assigned, model, rules, warnings };
      return request.overloaded === true ? fallback(attempt, 'overloaded', undefined) : attemptScores(attempt);
    };
    return rankers.use(ranker, answer, version);
  };

  async function attemptScores(attempt: Attempt): Promise<RankAnswer> {
    const { deadline = Infinity, signal, timeline } = attempt.request;
    const read = await readInputs(attempt).catch((error: unknown) => ({ error }));
    if ('error' in read) return fallback(attempt, 'features_failed', read.error);
    const until = { deadline, ...(signal && { signal }), ...(timeline && { timeline }) };
    const scoring = withDeadline(attempt.model.scorer.score(read.batch, until), deadline);
    const scores = await timed('score', () => scoring, timeline).catch((error: unknown) => ({ error }));
    if (signal?.aborted === true) throw cancelled();
    if (scores === 'late' || isLate(scores)) {
      metrics.count('watchnext_sheds_total', { reason: 'deadline' });
      return fallback(attempt, 'deadline_passed', undefined, read);
    }
    if ('error' in scores) return fallback(attempt, 'scoring_failed', scores.error, read);
    return timed('combine', () => present(attempt, read, scores), timeline);
  }

  /** Nobody is shown what nobody waits for any more. */
  function cancelled(): NotRun {
    metrics.count('watchnext_sheds_total', { reason: 'cancelled' });
    return new NotRun('cancelled');
  }

  async function readInputs({ request, model, stored, time }: Attempt): Promise<Read> {
    const { timeline } = request;
    const merged = await timed('merge', () => mergeFields(request, { stored, entities, time }), timeline);
    return { batch: await timed('features', () => model.reader.read([merged.input]), timeline), ...merged };
  }

  function present(attempt: Attempt, read: Read, { heads, gates }: Scores): RankAnswer {
    const { model, rules } = attempt;
    const { form } = rules.policy;
    const weights = model.scorer.tasks.map((task) => rules.weights[task] ?? 0);
    const scores = combine(heads, { form, weights });
    countUnscored(model.ranker, scores);
    const shown = { scored: { heads, scores }, ...shownOf(attempt, read, orderOf(attempt, scores)) };
    if (attempt.assigned.settings.version === undefined)
      dependencies.scored?.({ model, batch: read.batch, heads, rows: shown.order.rows });
    recordShown(attempt, shown);
    return answerOf(attempt, read, scoredAnswer(shown, gates));
  }

  function orderOf({ request, model, rules }: Attempt, scores: Float64Array): DrawnOrder {
    const { policy, limit } = rules;
    if (!varies(policy)) return { rows: topRows(scores, limit), drawn: 'greedy' };
    const random = orderRandom(request.requestId, model.ranker);
    const order = sampleOrder({ scores, limit, policy, random });
    metrics.count('watchnext_explored_rankings_total', { ranker: model.ranker, drawn: order.drawn });
    return order;
  }

  async function fallback(attempt: Attempt, reason: FallbackReason, error: unknown, read?: Read): Promise<RankAnswer> {
    const { request, model, rules } = attempt;
    const { ranker, version } = model;
    request.timeline?.note({ fallback: reason });
    metrics.count('watchnext_fallbacks_total', { ranker, reason });
    // What load brings about is counted; a line for each would add to it.
    const level = isOfLoad(reason) ? 'debug' : 'error';
    logger[level](
      { err: error, requestId: request.requestId, traceId: request.timeline?.traceId, ranker, version, reason },
      'answered in the fallback order',
    );
    const rates = rules.fallback === 'rates' && read ? await rateScores(model, read.batch, rules.weights) : undefined;
    const rows = topRows(rates ?? new Float64Array(request.candidates.length), rules.limit);
    if (read !== undefined) recordShown(attempt, shownOf(attempt, read, { rows, drawn: 'greedy' }));
    else recordUnread(attempt, reason);
    const order = rates === undefined ? 'request' : 'rates';
    return answerOf(attempt, read, { items: unscoredItems(request, rows), fallback: { reason, order } });
  }

  function recordShown(attempt: Attempt, shown: Shown): void {
    if (record === undefined || !isLogged(attempt.request)) return;
    recordExposures(attempt);
    const { timeline } = attempt.request;
    const offered = performance.now();
    record(() => impressionOf(shown), timeline && (() => timeline.span('append', offered)));
  }

  /** What nothing was read for cannot be learned from: that it was shown is counted, not logged. */
  function recordUnread(attempt: Attempt, reason: FallbackReason): void {
    if (record === undefined || !isLogged(attempt.request)) return;
    recordExposures(attempt);
    metrics.count('watchnext_events_dropped_total', { topic: 'events', reason });
  }

  /** Who was answered under an arm was exposed to it, whatever the answer. */
  function recordExposures({ request, time, assigned }: Attempt): void {
    const userId = request.user?.id;
    if (userId === undefined) return;
    for (const each of exposures?.firstTimes({ id: userId, time }, assigned.exposed) ?? []) {
      metrics.count('watchnext_exposures_total', { experiment: each.experiment });
      record?.(() => ({ kind: 'exposure', ...each }));
    }
  }

  function countUnscored(ranker: string, scores: Float64Array): void {
    let unscored = 0;
    for (const score of scores) if (Number.isNaN(score)) unscored++;
    if (unscored > 0) metrics.count('watchnext_unscored_rows_total', { ranker }, unscored);
  }
};

const isLate = (scores: Scores | { readonly error: unknown }): boolean =>
  'error' in scores && scores.error instanceof NotRun && scores.error.reason === 'deadline';

const isOfLoad = (reason: FallbackReason): boolean => reason === 'overloaded' || reason === 'deadline_passed';

const shownOf = ({ request, model, rules, assigned }: Attempt, read: Read, order: DrawnOrder): Shown => ({
  request,
  model,
  rules,
  arms: assigned.arms,
  ...read,
  order,
});

const answerOf = (
  { request, model, rules, assigned, warnings }: Attempt,
  read: Read | undefined,
  ranked: Pick<RankAnswer, 'items' | 'exploration' | 'explain' | 'fallback'>,
): RankAnswer => ({
  requestId: request.requestId,
  ranker: model.ranker,
  version: model.version,
  arms: assigned.arms,
  ...(assigned.unassigned !== undefined && { unassigned: assigned.unassigned }),
  weights: rules.weights,
  ...(warnings.length > 0 && { warnings }),
  ...(read?.degraded === true && { degraded: ['store'] as const }),
  ...ranked,
});
