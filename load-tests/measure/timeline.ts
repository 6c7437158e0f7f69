import { latencyMs, outcomeOf, scored, type Outcome, type Recording } from '../generator/index.js';
import { quantile, round, sortedValues } from './quantiles.js';

/** One second of a run. */
export interface TimelineSecond {
  /** From the start; the second that begins here. */
  readonly second: number;
  /** Requests that were due. */
  readonly offered: number;
  /** Answers that came, by what they were; failures in the second in which they were due. */
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** Of requests due in this second and answered with scores; null where there are none. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
}

/** What happened in each second, until the last answer. */
export const timelineOf = (recording: Recording): readonly TimelineSecond[] => {
  const { dueMs, endedMs } = recording;
  const rows: { offered: number; outcomes: Record<Outcome, number>; latencies: number[] }[] = [];
  const row = (ms: number) => {
    const second = Math.max(0, Math.floor(ms / 1000));
    while (rows.length <= second)
      rows.push({ offered: 0, outcomes: { ok: 0, fallback: 0, degraded: 0, refused: 0, failed: 0 }, latencies: [] });
    return rows[second];
  };
  dueMs.forEach((due, request) => {
    const outcome = outcomeOf(recording, request);
    const ended = endedMs[request] ?? NaN;
    const dueIn = row(due);
    const endedIn = row(Number.isNaN(ended) ? due : ended);
    if (dueIn !== undefined) dueIn.offered++;
    if (endedIn !== undefined) endedIn.outcomes[outcome]++;
    if (scored.includes(outcome)) dueIn?.latencies.push(latencyMs(recording, request));
  });
  return rows.map(({ latencies, ...counts }, second) => {
    const sorted = sortedValues(latencies);
    const at = (share: number): number | null => (sorted.length === 0 ? null : round(quantile(sorted, share)));
    return { second, ...counts, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
  });
};
