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
  const { accessLog: level = 'debug', accessLogRatio = 1, slowRequestMs = 1000 } = settings;
  const isNext = everySoMany(accessLogRatio);
  return ({ timeline, milliseconds, ...request }) => {
    const isSlow = milliseconds > slowRequestMs;
    const failed = request.status >= 500;
    const isDue = isNext();
    if (!isSlow && (level === 'off' || !(isDue || failed))) return;
    const { traceId } = timeline;
    const fields = { traceId, milliseconds: Math.round(milliseconds * 1000) / 1000, ...request, ...timeline.facts };
    if (isSlow) logger.warn({ ...fields, stages: timeline.stages() }, 'a slow request');
    else if (level !== 'off') logger[level](fields, request.status === 0 ? 'the client left' : 'answered');
  };
};

/** What is known of a request that is refused before anything of it was looked at. */
export type RefusedRequest = Pick<AnsweredRequest, 'requestId' | 'method' | 'route' | 'status'> & {
  /** Of the error that it was answered with. */
  readonly code: string;
};

/**
 * A line per so many requests that were refused when they arrived. Not of each, though their answers are 5xx: under load beyond
 * what can be answered, lines would take what is left.
 */
export const createRefusalLog = (logger: Logger, settings: AccessLogSettings): ((refused: RefusedRequest) => void) => {
  const { accessLog: level = 'debug', accessLogRatio = 1 } = settings;
  const isNext = everySoMany(accessLogRatio);
  return (refused) => {
    if (level !== 'off' && isNext()) logger[level](refused, 'refused on arrival');
  };
};

/** True so often that the share of it is `ratio`, evenly. */
const everySoMany = (ratio: number): (() => boolean) => {
  let due = 0;
  return () => {
    due += ratio;
    if (due < 1) return false;
    due -= 1;
    return true;
  };
};
