import { rowsByArm, type Sources } from '../artifact/index.js';
import { WatchnextError } from '../errors.js';
import type { Metrics } from '../telemetry/index.js';
import type { Freshness } from './freshness.js';
import type { Lease } from './lease.js';
import type { Refusal, ServedModel } from './models.js';
import type { Scorer } from './types.js';

/** What is known of one ranker. */
export interface Place {
  /** Whether the source names an active version: what sealed versions alone do not mean. */
  meant: boolean;
  lease?: Lease<ServedModel>;
  refused?: Refusal;
  /** Why the source cannot tell the active version, as it was logged. */
  problem?: string | undefined;
  /** The sealed version whose deltas are passed over, because one of them must not serve. */
  stopped?: string;
}

/** The version as it was sealed, whatever was applied to it. */
export const sealedName = ({ version, delta }: ServedModel): string => delta?.base ?? version;

export const refusalOf = (version: string, error: unknown, nowMs: number): Refusal => ({
  version,
  code: error instanceof WatchnextError ? error.code : 'internal',
  reason: error instanceof Error ? error.message : String(error),
  at: new Date(nowMs).toISOString(),
});

/** The model, which tells by its first scores that what it learned is in use. */
export const watched = (model: ServedModel, freshness: Freshness): ServedModel => {
  const { ranker, delta, scorer } = model;
  if (delta === undefined) return model;
  const answered = freshness.learned(ranker, delta.feedbackTimes);
  const score: Scorer['score'] = async (batch, until) => {
    const scores = await scorer.score(batch, until);
    answered();
    return scores;
  };
  return { ...model, scorer: { ...scorer, score } };
};

/** Tells by arm how many rows the version learned that serves now, in place of what stood there for the one before. */
export const exportSources = (
  ranker: string,
  metrics: Metrics,
  by: { readonly before: Sources | undefined; readonly now: Sources | undefined },
): void => {
  for (const arm of rowsByArm(by.before ?? {}).keys()) metrics.remove('watchnext_learned_rows', { ranker, arm });
  for (const [arm, rows] of rowsByArm(by.now ?? {})) metrics.set('watchnext_learned_rows', { ranker, arm }, rows);
};

/** Hands on what the features met since the last time. */
export const exportCounters = ({ ranker, counters }: ServedModel, metrics: Metrics): void => {
  for (const [feature, counter] of counters ?? []) {
    const met = { missing: counter.missing, unknown: counter.unknown, out_of_range: counter.outOfRange };
    for (const [problem, times] of Object.entries(met))
      if (times > 0) metrics.count('watchnext_feature_problems_total', { ranker, feature, problem }, times);
    Object.assign(counter, { missing: 0, unknown: 0, outOfRange: 0 });
  }
};
