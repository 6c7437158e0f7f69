import type { Scores } from '../inference/index.js';
import type { Metrics, Timeline } from '../telemetry/index.js';

/** Runs a stage and says how long it took. */
export type Timed = <T>(stage: string, work: () => T | Promise<T>, timeline?: Timeline) => Promise<T>;

export const stageTimer =
  (metrics: Metrics): Timed =>
  async (stage, work, timeline) => {
    const started = performance.now();
    try {
      return await work();
    } finally {
      const ended = performance.now();
      metrics.observe('watchnext_rank_stage_seconds', { stage }, (ended - started) / 1000);
      timeline?.span(stage, started, ended);
    }
  };

/** The scores, or 'late' at the deadline (of performance.now()). A run is not interrupted, only no longer waited for. */
export const withDeadline = async (scores: Promise<Scores>, deadline: number): Promise<Scores | 'late'> => {
  if (deadline === Infinity) return scores;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, deadline - performance.now()), 'late');
  });
  try {
    return await Promise.race([scores, late]);
  } finally {
    clearTimeout(timer);
  }
};
