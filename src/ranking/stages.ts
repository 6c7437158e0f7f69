import type { Scores } from '../inference/index.js';
import type { Metrics } from '../telemetry/index.js';

/** Runs a stage and says how long it took. */
export type Timed = <T>(stage: string, work: () => T | Promise<T>) => Promise<T>;

export const stageTimer =
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
export const withDeadline = async (scores: Promise<Scores>, timeoutMs: number): Promise<Scores | 'late'> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => (timer = setTimeout(resolve, timeoutMs, 'late')));
  try {
    return await Promise.race([scores, late]);
  } finally {
    clearTimeout(timer);
  }
};
