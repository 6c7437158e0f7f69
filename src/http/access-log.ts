import type { Settings } from '../settings.js';
import type { Logger, Timeline } from '../telemetry/index.js';

export interface AnsweredRequest {
  readonly requestId: string;
  readonly method: string;
  /** The pattern, never the path that was sent. */
  readonly route: string;
  /** 0 if the client left before its answer. */
  readonly status: number;
  readonly milliseconds: number;
  /** The name of its key. */
  readonly key: string | undefined;
  readonly timeline: Timeline;
}

export type AccessLog = (answered: AnsweredRequest) => void;
export type AccessLogSettings = Partial<Pick<Settings, 'accessLog' | 'accessLogRatio' | 'slowRequestMs'>>;

/**
 * A line per answered request, or per so many of them; those that failed here always, and those that were slow as a warning
 * with the time of each stage. None has anything of the body.
 */
export const createAccessLog = (logger: Logger, settings: AccessLogSettings): AccessLog => {
  const { accessLog: level = 'debug', accessLogRatio: ratio = 1, slowRequestMs = 1000 } = settings;
  let due = 0;
  return ({ timeline, milliseconds, ...request }) => {
    const isSlow = milliseconds > slowRequestMs;
    const failed = request.status >= 500;
    due += ratio;
    const isDue = due >= 1;
    if (isDue) due -= 1;
    if (!isSlow && (level === 'off' || !(isDue || failed))) return;
    const { traceId } = timeline;
    const fields = { ...request, traceId, milliseconds: Math.round(milliseconds * 1000) / 1000, ...timeline.facts };
    if (isSlow) logger.warn({ ...fields, stages: timeline.stages() }, 'a slow request');
    else if (level !== 'off') logger[level](fields, request.status === 0 ? 'the client left' : 'answered');
  };
};
