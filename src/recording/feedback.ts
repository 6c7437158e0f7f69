import type { RankerDefinition } from '../definition/index.js';
import { WatchnextError, type Problem } from '../errors.js';
import type { EventId, Feedback } from '../events/index.js';
import { instantReader, zoneOf } from '../features/index.js';
import type { Metrics } from '../telemetry/index.js';
import { kindHint, knownFeedback, type FeedbackMeasure } from './feedback-kinds.js';
import { createRecentNames } from '../recent.js';
import type { Recorder } from './recorder.js';

/** Feedback as it is sent: the shape is checked, what it says is not. */
export interface SentFeedback {
  readonly id: EventId;
  readonly requestId: string;
  readonly item: EventId;
  readonly kind: string;
  readonly seconds?: number;
  readonly value?: number;
  readonly user?: EventId;
  /** Milliseconds since the epoch or an ISO text. */
  readonly time?: number | string;
}

/** One event by its place in what was sent; `problems` instead where it could not be read. */
export type FeedbackEntry =
  { readonly event: SentFeedback } | { readonly id: EventId | undefined; readonly problems: readonly Problem[] };

export interface FeedbackOutcome {
  /** Durable now, and not known before. */
  readonly accepted: number;
  /** Event ids that came before; they change nothing. */
  readonly duplicates: number;
  readonly refused: readonly { readonly index: number; readonly id?: EventId; readonly problems: readonly Problem[] }[];
}

/**
 * Takes what people did. What is wrong with one event does not touch the others. Resolves when those that are accepted are
 * durable; rejects with log_unavailable or log_full when they could not be made so, and then the same is to be sent again.
 */
export type TakeFeedback = (entries: readonly FeedbackEntry[]) => Promise<FeedbackOutcome>;

export interface FeedbackOptions {
  readonly recorder: Recorder;
  /** Of what serves now: they name kinds of feedback. */
  readonly definitions: () => readonly RankerDefinition[];
  readonly metrics: Metrics;
  readonly now: () => number;
  /** Told of the times of events before they are checked: where the clock goes by them. */
  readonly onTime?: (timeMs: number) => void;
  /** How many event ids are remembered at most. */
  readonly remembered?: number;
}

/** A client's clock may be this far ahead: the event then happened now. */
const aheadMs = 60_000;
const oldestMs = 30 * 86_400_000;

export const createFeedback = (options: FeedbackOptions): TakeFeedback => {
  const { recorder, definitions, metrics, now, onTime, remembered = 200_000 } = options;
  const recent = createRecentNames(remembered);
  const count = (outcome: string, events: number): void => {
    if (events > 0) metrics.count('watchnext_feedback_total', { outcome }, events);
  };
  return async (entries) => {
    const served = definitions();
    const kinds = knownFeedback(served);
    const hintOf = (kind: string): string => kindHint(kind, served);
    const fresh = new Map<string, Feedback>();
    const refused: FeedbackOutcome['refused'][number][] = [];
    let duplicates = 0;
    entries.forEach((entry, index) => {
      if ('event' in entry && entry.event.time !== undefined) onTime?.(instantOf(entry.event.time));
      const checked = 'event' in entry ? check(entry.event, { kinds, hintOf, now: now() }) : entry;
      if ('problems' in checked) {
        const { id, problems } = checked;
        refused.push({ index, ...(id !== undefined && { id }), problems });
      } else if (recent.has(checked.eventId) || fresh.has(checked.eventId)) duplicates++;
      else fresh.set(checked.eventId, checked);
    });
    count('refused', refused.length);
    try {
      await recorder.append([...fresh.values()]);
    } catch (error) {
      count('failed', fresh.size);
      throw error;
    }
    // Only now: what could not be written must not be a duplicate when it is sent again.
    for (const id of fresh.keys()) recent.add(id);
    count('accepted', fresh.size);
    count('duplicate', duplicates);
    return { accepted: fresh.size, duplicates, refused };
  };
};

/** For a service that logs nothing. */
export const refuseFeedback: TakeFeedback = () =>
  Promise.reject(
    new WatchnextError('log_unavailable', 'This service logs no events.', {
      problems: [{ path: 'log', message: 'is off', hint: 'start the service with --log embedded or --log kafka' }],
    }),
  );

const instantOf = instantReader(zoneOf(undefined));

/** The kinds that there are, what they need, and what to say of any other. */
interface Kinds {
  readonly kinds: ReadonlyMap<string, FeedbackMeasure>;
  readonly hintOf: (kind: string) => string;
}

const check = (
  sent: SentFeedback,
  { kinds, hintOf, now }: Kinds & { readonly now: number },
): Feedback | { readonly id: EventId; readonly problems: readonly Problem[] } => {
  const { id, requestId, item, kind, seconds, value, user } = sent;
  const time = sent.time === undefined ? now : instantOf(sent.time);
  const problems = [...timeProblems(time, now), ...kindProblems(sent, { kinds, hintOf })];
  if (problems.length > 0) return { id, problems };
  return {
    kind: 'feedback',
    time: Math.min(time, now),
    eventId: String(id),
    requestId,
    userId: user,
    itemId: item,
    what: kind,
    value: seconds ?? value,
  };
};

const timeProblems = (time: number, now: number): Problem[] => {
  const problem = (message: string, hint: string): Problem[] => [{ path: '/time', message, hint }];
  if (Number.isNaN(time))
    return problem('is not a time', 'milliseconds since 1970, or an ISO text such as 2026-05-01T18:30:00Z');
  if (time > now + aheadMs)
    return problem('is in the future', `send when it happened, in milliseconds; it is ${now} here`);
  if (time < now - oldestMs)
    return problem('is more than 30 days ago', 'times are in milliseconds; older feedback cannot be joined any more');
  return [];
};

const kindProblems = ({ kind, seconds, value }: SentFeedback, { kinds, hintOf }: Kinds): Problem[] => {
  if (!kinds.has(kind)) return [{ path: '/kind', message: `${kind} is not known`, hint: hintOf(kind) }];
  const needed = kinds.get(kind);
  if (needed === 'seconds') {
    if (value !== undefined) return [{ path: '/value', message: `is not for ${kind}`, hint: 'send "seconds"' }];
    return seconds === undefined
      ? [{ path: '/seconds', message: 'is missing', hint: `${kind} needs how many seconds were watched` }]
      : [];
  }
  if (seconds !== undefined)
    return [{ path: '/seconds', message: `is not for ${kind}`, hint: 'leave it out, or send "value"' }];
  if (needed === 'value' && value === undefined)
    return [{ path: '/value', message: 'is missing', hint: `${kind} needs a number` }];
  return [];
};
