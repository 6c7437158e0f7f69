import { isTellable } from '../clock.js';
import { WatchnextError } from '../errors.js';
import { instantReader, zoneOf } from '../features/index.js';
import { route, type Route } from './route.js';
import { ClockBody, ClockReply } from './schemas.js';

/** The clock of a service that is told the time by its requests. */
export interface SaidClock {
  now(): number;
  hear(timeMs: number): void;
  /** Resolves when everything before now is in the log, marked as complete, and known to what ranks. */
  settle(): Promise<void>;
}

/** POST /v1/clock. Without a clock that can be told, the wall clock rules. */
export const clockRoute = (clock: SaidClock | undefined): Route =>
  route({
    method: 'post',
    path: '/v1/clock',
    summary: 'Say what time it is',
    description:
      'Only where requests say the time (--clock requests): for simulated and for past traffic. Everything that happened before this time has been sent. Answers when it is in the log and feature state knows it, and active versions and updates of the models folder serve; feature state and the log’s time markers move only then.',
    body: ClockBody,
    answers: ClockReply,
    refuses: [],
    role: 'feedback',
    handle: async ({ body }) => {
      const said = saidTime(body.time, clock);
      clock?.hear(said ?? 0);
      await clock?.settle();
      return { json: { time: clock?.now() ?? 0 } };
    },
  });

const instantOf = instantReader(zoneOf(undefined));

/**
 * The time that a request says, in milliseconds; undefined if it says none and that is right. Throws request_invalid where the
 * wall clock rules and a time is said, where nobody said any yet, and for what is no time.
 */
export const saidTime = (time: number | string | undefined, clock: SaidClock | undefined): number | undefined => {
  const refuse = (message: string, hint: string): never => {
    throw new WatchnextError('request_invalid', `The time ${message}.`, {
      problems: [{ path: '/time', message, hint }],
    });
  };
  if (clock === undefined)
    return time === undefined
      ? undefined
      : refuse(
          'cannot be said to this service: it goes by the wall clock',
          'leave it out; for simulated or past traffic start the service with --clock requests (WATCHNEXT_CLOCK=requests)',
        );
  if (time === undefined)
    return clock.now() > 0
      ? undefined
      : refuse('is missing and was never said', 'this service goes by what requests say: send the time of this one');
  const said = instantOf(time);
  return isTellable(said)
    ? said
    : refuse('is not a time', 'milliseconds since 1970, or an ISO text such as 2026-05-01T18:30:00Z, before 2100');
};
