import { WatchnextError } from '../errors.js';
import type { FeedbackEntry, TakeFeedback } from '../recording/index.js';
import { type Route } from './route.js';
import { FeedbackBody, FeedbackEvent, FeedbackReply, mostFeedback } from './schemas.js';
import { bodyChecker } from './validate.js';

/** POST /v1/feedback. Events are checked one by one: what is wrong with one must not spoil the others. */
export const feedbackRoute = (take: TakeFeedback): Route => ({
  method: 'post',
  path: '/v1/feedback',
  summary: 'Say what people did with what they were shown',
  description: `One event, an array, or one per line (application/x-ndjson), up to ${mostFeedback}. Answers when the accepted events are durable. Sent again, an event counts once: send the same again after any failure. Refused events are listed with the reason and do not touch the others.`,
  body: FeedbackBody,
  lines: true,
  answers: FeedbackReply,
  refuses: ['log_unavailable', 'log_full'],
  role: 'feedback',
  handle: async ({ body, timeline }) => {
    const entries = typeof body === 'string' ? fromLines(body) : fromJson(body);
    const taken = performance.now();
    const outcome = await take(entries);
    timeline?.span('append', taken);
    return { json: outcome };
  },
});

const checkEvent = bodyChecker(FeedbackEvent);

const fromJson = (body: unknown): FeedbackEntry[] => {
  const list: readonly unknown[] = Array.isArray(body) ? body : [body];
  refuseCount(list.length);
  return list.map(entryOf);
};

const fromLines = (text: string): FeedbackEntry[] => {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  refuseCount(lines.length);
  let readable = 0;
  const entries = lines.map((line): FeedbackEntry => {
    let event: unknown;
    try {
      event = JSON.parse(line);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { id: undefined, problems: [{ path: '/', message, hint: 'each line is one JSON object' }] };
    }
    readable++;
    return entryOf(event);
  });
  if (readable === 0)
    throw new WatchnextError('request_invalid', 'No line is valid JSON.', {
      problems: [{ path: '/', message: 'nothing can be read', hint: 'send one JSON object per line' }],
    });
  return entries;
};

/** Small, so that the first of its problems is not all that is said. */
const eventBytes = 1024;
const mostProblems = 5;

const entryOf = (event: unknown): FeedbackEntry => {
  try {
    return { event: checkEvent(event, eventBytes) };
  } catch (error) {
    if (!(error instanceof WatchnextError)) throw error;
    const id = (event as { readonly id?: unknown } | null)?.id;
    const named = (typeof id === 'string' && id.length <= 256) || typeof id === 'number';
    return { id: named ? id : undefined, problems: error.problems.slice(0, mostProblems) };
  }
};

const refuseCount = (events: number): void => {
  if (events === 0)
    throw new WatchnextError('request_invalid', 'There is no event in the body.', {
      problems: [{ path: '/', message: 'must not be empty', hint: 'send one event, a list, or one per line' }],
    });
  if (events > mostFeedback)
    throw new WatchnextError('request_too_large', `${events} events are too many.`, {
      problems: [{ path: '/', message: `at most ${mostFeedback} are allowed`, hint: 'send several requests' }],
    });
};
