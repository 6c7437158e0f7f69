import type { Exposure, Impression } from '../events/index.js';
import type { Experiments, Exposed } from '../experiments/index.js';
import type { FeatureBatch, Fields, RankingInput } from '../features/index.js';
import type { Rankers, Scores, ServedModel } from '../inference/index.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import { combine, orderRandom, sampleOrder, topRows, varies } from '../policy/index.js';
import { createAssigning, nothing, type Assigned } from './assign.js';
import type { Entities } from './entities.js';
import { explainRow, featureValues } from './explain.js';
import { rateScores } from './fallback.js';
import { explorationOf, impressionOf, type Shown } from './impression.js';
import { mergeFields, storedUser } from './merge.js';
import { rulesOf, type Rules } from './rules.js';
import type { FallbackReason, RankAnswer, RankRequest, ScoredItem, UnscoredItem } from './types.js';
import { createFieldWarnings, type FieldWarning } from './warnings.js';

export interface RankingDependencies {
  readonly rankers: Rankers;
  readonly entities: Entities;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** After this long without scores the answer comes in the fallback order. */
  readonly scoreTimeoutMs: number;
  /** Takes what was shown, to be logged when there is time: must neither throw nor wait. Nothing is logged without. */
  readonly record?: (shown: () => Impression) => void;
}

export type Rank = (request: RankRequest) => Promise<RankAnswer>;

/** What the stages hand down. */
interface Attempt {
  readonly request: RankRequest;
  readonly model: ServedModel;
  readonly weights: Readonly<Record<string, number>>;
  readonly warnings: readonly FieldWarning[];
}

/** What was read for an attempt. */
interface Read {
  readonly input: RankingInput;
  readonly batch: FeatureBatch;
}

/**
 * The pipeline, top to bottom: ranker and version, weights, fields, features, scores, one score per candidate, order.
 * What the caller got wrong throws; what goes wrong here (features, scoring) is answered in a stated fallback order.
 */
export const createRanking = (dependencies: RankingDependencies): Rank => {
  const { rankers, entities, metrics, logger, now, scoreTimeoutMs, record } = dependencies;
  const timed = stageTimer(metrics);

  return (request) =>
    rankers.use(request.ranker, async (model) => {
      const weights = resolveWeights(model.definition, request.weights);
      metrics.count('watchnext_rankings_total', { ranker: model.ranker });
      metrics.observe('watchnext_rank_candidates', {}, request.candidates.length);

      const warnings = warningsOf(request, model.definition, request.time ?? now());
      const attempt: Attempt = { request, model, weights, warnings };
      const read = await readInputs(attempt).catch((error: unknown) => ({ error }));
      if ('error' in read) return fallback(attempt, 'features_failed', read.error);

      const scores = await timed('score', () => withDeadline(model.scorer.score(read.batch), scoreTimeoutMs)).catch(
        (error: unknown) => ({ error }),
      );
      if (scores === 'late') return fallback(attempt, 'scoring_timeout', undefined, read);
      if ('error' in scores) return fallback(attempt, 'scoring_failed', scores.error, read);

      return timed('combine', () => present(attempt, read, scores));
    });

  async function readInputs({ request, model }: Attempt): Promise<Read> {
    const input = await timed('merge', () => mergeFields(request, entities, request.time ?? now()));
    return { input, batch: await timed('features', () => model.reader.read([input])) };
  }

  function present(attempt: Attempt, { input, batch }: Read, scores: Scores): RankAnswer {
    const { request, model, weights } = attempt;
    const { definition, scorer, ranker } = model;
    const { form } = definition.score;
    const taskWeights = scorer.tasks.map((task) => weights[task] ?? 0);
    const rowScores = combine(scores.heads, { form, weights: taskWeights });
    countUnscored(ranker, rowScores);
    const rows = topRows(rowScores, request.limit ?? batch.rows);
    recordShown(attempt, { input, batch }, { rows, scored: { heads: scores.heads, scores: rowScores } });
    const items = Array.from(rows, (row, index): ScoredItem | UnscoredItem => {
      const id = request.candidates[row]?.id ?? row;
      const score = rowScores[row] ?? NaN;
      if (Number.isNaN(score)) return { id, position: index + 1, scored: false };
      const heads: Record<string, number> = {};
      scorer.tasks.forEach((task, head) => (heads[task] = scores.heads[row * scorer.tasks.length + head] ?? NaN));
      const item = { id, position: index + 1, score, heads };
      if (request.explain !== true) return item;
      return { ...item, explain: explainRow({ definition, tasks: scorer.tasks, weights, input, batch, scores, row }) };
    });
    if (request.explain !== true) return { ...header(attempt), items };
    const fields = (scope: string): RankingInput['user'] => (scope === 'user' ? input.user : input.context);
    const features = featureValues({ definition, batch, side: 'request', index: 0, fields });
    return { ...header(attempt), items, explain: { form, features } };
  }

  async function fallback(attempt: Attempt, reason: FallbackReason, error: unknown, read?: Read): Promise<RankAnswer> {
    const { request, model, weights } = attempt;
    const { ranker, version } = model;
    metrics.count('watchnext_fallbacks_total', { ranker, reason });
    logger.error(
      { err: error, requestId: request.requestId, ranker, version, reason },
      'answered in the fallback order',
    );
    const rates = read && (await rateScores(model, read.batch, weights));
    const rows = topRows(rates ?? new Float64Array(request.candidates.length), request.limit ?? Infinity);
    recordShown(attempt, read, { rows });
    return {
      ...header(attempt),
      items: Array.from(rows, (row, index) => ({
        id: request.candidates[row]?.id ?? row,
        position: index + 1,
        scored: false,
      })),
      fallback: { reason, order: rates === undefined ? 'request' : 'rates' },
    };
  }

  /** What nothing was read for cannot be learned from: that it was shown is counted, not logged. */
  function recordShown(attempt: Attempt, read: Read | undefined, shown: Pick<Shown, 'rows' | 'scored'>): void {
    if (record === undefined || attempt.request.log === false) return;
    if (read === undefined)
      metrics.count('watchnext_events_dropped_total', { topic: 'events', reason: 'features_failed' });
    else record(() => impressionOf({ ...attempt, ...read, ...shown }));
  }

  function countUnscored(ranker: string, scores: Float64Array): void {
    let unscored = 0;
    for (const score of scores) if (Number.isNaN(score)) unscored++;
    if (unscored > 0) metrics.count('watchnext_unscored_rows_total', { ranker }, unscored);
  }
};

/** Looking at every field of 200 candidates costs 0.6 ms; what is wrong is nearly always wrong in all of them. */
const candidatesLookedAt = 50;

/**
 * Of what the request itself holds: what was put before was warned of when it was put. Of a long list some candidates are
 * looked at, evenly spread; all with explain.
 */
const warningsOf = (
  { user, context, candidates, explain }: RankRequest,
  definition: ServedModel['definition'],
  now: number,
): readonly FieldWarning[] => {
  const warnings = createFieldWarnings([definition], now);
  if (user !== undefined) warnings.check('user', user.fields);
  if (context !== undefined) warnings.check('context', context);
  const step = explain === true ? 1 : Math.ceil(candidates.length / candidatesLookedAt);
  for (let index = 0; index < candidates.length; index += step)
    warnings.check('candidate', candidates[index]?.fields ?? {});
  return warnings.list;
};

const header = ({ request, model, weights, warnings }: Attempt): Omit<RankAnswer, 'items'> => ({
  requestId: request.requestId,
  ranker: model.ranker,
  version: model.version,
  arms: {},
  weights,
  ...(warnings.length > 0 && { warnings }),
});

type Timed = <T>(stage: string, work: () => T | Promise<T>) => Promise<T>;

const stageTimer =
  (metrics: Metrics): Timed =>
  async (stage, work) => {
    const started = performance.now();
    try {
      return await work();
    } finally {
      metrics.observe('watchnext_rank_stage_seconds', { stage }, (performance.now() - started) / 1000);
    }
  };

/** The scores, or 'late'. A run that is late is not interrupted (the runtime cannot be), only no longer waited for. */
const withDeadline = async (scores: Promise<Scores>, timeoutMs: number): Promise<Scores | 'late'> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => (timer = setTimeout(resolve, timeoutMs, 'late')));
  try {
    return await Promise.race([scores, late]);
  } finally {
    clearTimeout(timer);
  }
};
