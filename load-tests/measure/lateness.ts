import { latencyMs, type Recording } from '../generator/index.js';
import { quantile, sortedValues, summarise, type LatencySummary } from './quantiles.js';

/** How well the generator itself kept to its times. */
export interface Lateness {
  /** From when a request was due to when the generator came to it. It is part of every latency. */
  readonly lateMs: LatencySummary;
  /** Share of one core that the generator took. */
  readonly cpuShare: number;
  /** Why the run says nothing of the service; undefined if it does. */
  readonly invalid?: string;
}

/**
 * A generator that came to one request in a hundred later than this has measured itself; unless it is little beside what was
 * measured.
 */
const allowedLateness = { ms: 5, shareOfP99: 0.1 };

export const latenessOf = (recording: Recording): Lateness => {
  const { dueMs, reachedMs, endedMs, cpuSeconds } = recording;
  const lateMs = summarise(reachedMs.map((reached, request) => reached - (dueMs[request] ?? NaN)));
  const last = Math.max(
    dueMs.at(-1) ?? 0,
    endedMs.reduce((most, ended) => (ended > most ? ended : most), 0),
  );
  const cpuShare = last === 0 ? 0 : Number(((1000 * cpuSeconds) / last).toFixed(3));
  const latencies = sortedValues(dueMs.map((_, request) => latencyMs(recording, request)));
  const allowedMs = Math.max(allowedLateness.ms, allowedLateness.shareOfP99 * (quantile(latencies, 0.99) || 0));
  const late = lateMs.p99Ms > allowedMs;
  return {
    lateMs,
    cpuShare,
    ...(late && {
      invalid: `the generator came ${lateMs.p99Ms} ms or more late to 1 % of the requests (${Math.round(allowedMs)} ms are allowed): give it a core, or offer less`,
    }),
  };
};
