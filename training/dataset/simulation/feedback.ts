import type { Feedback } from '../../../src/events/index.js';
import type { Device, Happening } from './law.js';
import { randomOf, type Random } from './random.js';

/** What the platform is told that somebody did. */
export interface WorldFeedback {
  /** The same for the same request, item and kind. */
  readonly id: string;
  readonly requestId: string;
  readonly user: string;
  readonly item: string;
  readonly kind: 'click' | 'watch' | 'like' | 'dismiss' | 'rating';
  /** With `watch`. */
  readonly seconds?: number;
  /** With `rating`. */
  readonly value?: number;
  /** When it happened, milliseconds since 1970. */
  readonly time: number;
}

/** The same as the log has it. */
export const feedbackEvent = ({ id, requestId, user, item, kind, seconds, value, time }: WorldFeedback): Feedback => ({
  kind: 'feedback',
  time,
  eventId: id,
  requestId,
  userId: user,
  itemId: item,
  what: kind,
  value: seconds ?? value,
});

/** Share of events that never arrive, by device: televisions lose their network, phones their battery. */
export const lostShare: Readonly<Record<Device, number>> = { phone: 0.04, desktop: 0.01, tv: 0.12 };

/** Log-normal delays: median in milliseconds, and the spread of the logarithm. */
const delays = {
  /** After the list is there; those further down are reached later. */
  look: { medianMs: 3000, spread: 0.7, perPositionMs: 1200 },
  /** After it was watched: most like at once, some when they think of it. */
  like: { medianMs: 90_000, spread: 1.6 },
  /** After it was watched: a survey comes hours later. */
  rating: { medianMs: 2 * 3_600_000, spread: 0.6 },
} as const;

export interface FeedbackOptions {
  readonly seed: number;
  /** Of the world's request: what draws are keyed by. */
  readonly key: string;
  readonly requestId: string;
  readonly user: string;
  readonly device: Device;
  readonly time: number;
  /** Share of the loss by device that applies; 1 is all of it. */
  readonly loss: number;
}

const logNormal = (random: Random, { medianMs, spread }: { medianMs: number; spread: number }): number =>
  medianMs * Math.exp(spread * random.normal());

/**
 * What of the outcomes arrives, and when it happened: a click within seconds, a watch when it was watched, a like minutes to
 * hours later, a rating hours later. By item in the order of the list; every item's draws are its own.
 */
export const feedbackOf = (
  outcomes: readonly (Happening & { readonly item: string })[],
  { seed, key, requestId, user, device, time, loss }: FeedbackOptions,
): WorldFeedback[] =>
  outcomes.flatMap(({ item, clicked, watchSeconds, liked, dismissed, rating }, place) => {
    if (!clicked && !dismissed) return [];
    const random = randomOf(seed, 'feedback', key, item);
    const [look, like, survey] = [delays.look, delays.like, delays.rating].map((delay) => logNormal(random, delay)) as [
      number,
      number,
      number,
    ];
    const looked = time + delays.look.perPositionMs * place + look;
    const watched = looked + 1000 * watchSeconds;
    const said = (happened: boolean, kind: WorldFeedback['kind'], at: number, measure = {}): WorldFeedback[] => {
      // Drawn whether it happened or not, so that no kind shifts another.
      const lost = random.chance(loss * lostShare[device]);
      if (!happened || lost) return [];
      const id = `${requestId}/${item}/${kind}`;
      return [{ id, requestId, user, item, kind, ...measure, time: Math.round(at) }];
    };
    return [
      ...said(clicked, 'click', looked),
      ...said(clicked, 'watch', watched, { seconds: Math.round(watchSeconds * 10) / 10 }),
      ...said(liked, 'like', watched + like),
      ...said(dismissed, 'dismiss', looked),
      ...said(rating !== undefined, 'rating', watched + survey, { value: rating }),
    ];
  });
