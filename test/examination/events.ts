import type { Feedback, Impression } from '../../src/events/index.js';
import { feedback, impression } from '../events/events.js';
import { drawOf } from './platform.js';

export const start = Date.UTC(2026, 4, 1);
const devices = ['phone', 'tv'] as const;
/** P(looked at) falls faster on the television. */
export const truthOn = (device: string, position: number): number => position ** (device === 'tv' ? -1 : -0.4);

export interface PlatformLog {
  readonly requests: number;
  readonly seed?: number;
  /** Share of requests that draw a swap. */
  readonly swaps?: number;
  readonly positions?: number;
}

/**
 * What a service with two heads (click, and seconds watched after a click) logs: lists of the best first, as the head for
 * clicks sees them, which is right; some with a swap; and what came of them.
 */
export function* platformLog({
  requests,
  seed = 1,
  swaps = 0.5,
  positions = 4,
}: PlatformLog): Generator<Impression | Feedback> {
  const { uniform, below } = drawOf(seed, 23);
  for (let request = 0; request < requests; request++) {
    const device = devices[below(2)]!;
    const time = start + request * 1000;
    const relevance = Array.from({ length: positions }, () => 0.05 + 0.6 * uniform()).sort((a, b) => b - a);
    const order = relevance.map((_, place) => place);
    const drawn = uniform() < swaps;
    const [position, swapped] = [2 + below(positions - 1), uniform() < 0.5];
    if (drawn && swapped) [order[0], order[position - 1]] = [order[position - 1]!, order[0]!];
    const names = { requestId: `r${request}`, userId: `u${request % (requests / 5)}` };
    const list: Impression = {
      ...impression({ ...names, time, ranker: 'small', items: order.map((item) => `v${item}`) }),
      heads: Float32Array.from(order.flatMap((item) => [relevance[item]!, 30])),
      exploration: { share: 0, temperature: 1, swaps, drawn: drawn ? 'swap' : 'greedy', ...(drawn && { swap: { position, swapped } }) }, // prettier-ignore
    };
    yield { ...list, fields: { ...list.fields, context: { device } } };
    for (const [place, item] of order.entries()) {
      if (uniform() >= truthOn(device, place + 1) * relevance[item]!) continue;
      const heard = (what: string, more: Partial<Feedback>): Feedback =>
        feedback({ ...names, itemId: `v${item}`, eventId: `${what}-${place}`, time: time + 1000, what, ...more });
      yield heard('click', { value: undefined });
      yield heard('watch', { value: 20 + 20 * uniform() });
    }
  }
}
