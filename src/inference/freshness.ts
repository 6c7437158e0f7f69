import type { Metrics } from '../telemetry/index.js';

/** Seconds from feedback to the first answer of a model that learned from it, over the last of them. */
export interface FreshnessSummary {
  readonly p50Seconds: number;
  readonly p95Seconds: number;
  readonly samples: number;
}

/** Measures how old feedback is when an answer first makes use of it. */
export interface Freshness {
  /**
   * A model serves that is the first to have learned from feedback of these times (ms since the epoch). Answers what to
   * call whenever it scored something: the first call counts them, and those that earlier models learned from and nobody
   * asked for since.
   */
  learned(ranker: string, times: Float64Array): () => void;
  /** Another version serves: what the one before learned from and was not asked for is not waited for any more. */
  forget(ranker: string): void;
  of(ranker: string): FreshnessSummary | undefined;
}

/** Counting takes a microsecond each, on the thread that answers requests. */
const mostWaiting = 1024;
const summarised = 4096;

interface Record {
  waiting: { times: readonly number[] };
  seconds: readonly number[];
}

export const createFreshness = (metrics: Metrics, now: () => number): Freshness => {
  const records = new Map<string, Record>();
  return {
    learned: (ranker, times) => {
      const record = records.get(ranker) ?? { waiting: { times: [] }, seconds: [] };
      records.set(ranker, record);
      const waiting = { times: [...record.waiting.times, ...times].slice(-mostWaiting) };
      // Answers of the model before, which are still on their way, count nothing any more.
      record.waiting.times = [];
      record.waiting = waiting;
      return () => {
        if (waiting.times.length === 0) return;
        const seconds = waiting.times.map((time) => Math.max(0, now() - time) / 1000);
        waiting.times = [];
        for (const value of seconds) metrics.observe('watchnext_freshness_seconds', { ranker }, value);
        record.seconds = [...record.seconds, ...seconds].slice(-summarised);
      };
    },
    forget: (ranker) => {
      const record = records.get(ranker);
      if (record !== undefined) record.waiting.times = [];
    },
    of: (ranker) => {
      const { seconds = [] } = records.get(ranker) ?? {};
      if (seconds.length === 0) return undefined;
      const sorted = [...seconds].sort((a, b) => a - b);
      const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? NaN;
      return { p50Seconds: at(0.5), p95Seconds: at(0.95), samples: sorted.length };
    },
  };
};
