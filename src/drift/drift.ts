import type { FeatureBatch } from '../features/index.js';
import type { LabelsOf, Metrics } from '../telemetry/index.js';
import type { Profile } from './profile.js';
import { WatchedProfile } from './watched.js';

/** One request as it was answered. */
export interface ShownRows {
  readonly model: {
    readonly ranker: string;
    readonly profile?: Profile;
    readonly scorer: { readonly tasks: readonly string[] };
  };
  /** Of one request. */
  readonly batch: FeatureBatch;
  /** [rows, tasks], in natural units. */
  readonly heads: Float32Array;
  /** The rows that were shown, best first. */
  readonly rows: ArrayLike<number>;
}

/** Holds what is shown against what was usual where the version was trained. */
export interface Drift {
  /** To be told of every answer of an active version. Looks at few of them: microseconds, 50 times a second at most. */
  shown(shown: ShownRows): void;
}

export interface DriftOptions {
  readonly metrics: Metrics;
  /** Milliseconds; only differences count. */
  readonly now: () => number;
  readonly windowMs?: number;
}

const betweenMs = 20;
const rowsOfAnAnswer = 8;
/** Each is a series. */
const mostMoved = 10;
const quantiles = ['0.1', '0.5', '0.9'] as const;

/** Exports watchnext_score_* and watchnext_feature_drift at each scrape, over the last 10 minutes. */
export const createDrift = ({ metrics, now, windowMs = 600_000 }: DriftOptions): Drift => {
  const watched = new Map<string, WatchedProfile>();
  /** Of versions that were replaced: their last answers must not bring them back. */
  const replaced = new WeakSet<Profile>();
  const exported = new Map<string, (() => void)[]>();
  let nextAt = -Infinity;
  let turn = 0;

  const watch = (ranker: string, profile: Profile, nowMs: number): WatchedProfile | undefined => {
    const current = watched.get(ranker);
    if (current?.profile === profile) return current;
    if (replaced.has(profile)) return undefined;
    if (current !== undefined) replaced.add(current.profile);
    const next = new WatchedProfile(profile, { windowMs, nowMs });
    watched.set(ranker, next);
    return next;
  };

  const tell = (ranker: string, of: WatchedProfile): void => {
    for (const remove of exported.get(ranker) ?? []) remove();
    const removals: (() => void)[] = [];
    const set = <N extends DriftGauge>(name: N, labels: LabelsOf<N>, value: number): void => {
      metrics.set(name, labels, value);
      removals.push(() => metrics.remove(name, labels));
    };
    const { rows, heads, features } = of.read(now());
    set('watchnext_drift_rows', { ranker }, rows);
    for (const { head, mean, quantile, drift } of heads) {
      set('watchnext_score_mean', { ranker, head }, mean);
      for (const share of quantiles)
        set('watchnext_score_quantile', { ranker, head, quantile: share }, quantile(Number(share)));
      if (drift !== undefined) set('watchnext_score_drift', { ranker, head }, drift);
    }
    const moved = features.flatMap(({ feature, drift }) => (drift === undefined ? [] : [{ feature, drift }]));
    for (const { feature, drift } of moved.sort((a, b) => b.drift - a.drift).slice(0, mostMoved))
      set('watchnext_feature_drift', { ranker, feature }, drift);
    exported.set(ranker, removals);
  };
  metrics.beforeScrape(() => {
    for (const [ranker, of] of watched) tell(ranker, of);
  });

  return {
    shown({ model, batch, heads, rows }) {
      const { ranker, profile, scorer } = model;
      const nowMs = now();
      if (profile === undefined || nowMs < nextAt || rows.length === 0) return;
      nextAt = nowMs + betweenMs;
      // Evenly over the list, beginning elsewhere each time: training rows are of all places too.
      const step = Math.max(1, rows.length / rowsOfAnAnswer);
      const first = turn++ % Math.ceil(step);
      const chosen: number[] = [];
      for (let at = first; at < rows.length; at += step) chosen.push(rows[Math.floor(at)] ?? 0);
      watch(ranker, profile, nowMs)?.add({ batch, heads, tasks: scorer.tasks }, chosen, nowMs);
    },
  };
};

type DriftGauge =
  | 'watchnext_score_mean'
  | 'watchnext_score_quantile'
  | 'watchnext_score_drift'
  | 'watchnext_feature_drift'
  | 'watchnext_drift_rows';
