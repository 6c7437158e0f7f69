import { hashId } from '../features/index.js';
import { SeededRandom } from '../random.js';

/** Apart from every other use of the same names, such as the arms of a user. */
const salt = 'order';

/**
 * Numbers in (0, 1), both ends left out, for the order of one answer. They depend on the request and the ranker alone, so
 * that an answer can be replayed bit for bit and a request that is sent again is answered the same; not on the user, the arm or
 * its phase, which decide what the numbers are used for: otherwise a user's luck would be part of the effect of an arm.
 */
export const orderRandom = (requestId: string, ranker: string): (() => number) => {
  const random = new SeededRandom(...hashId(requestId), ...hashId(ranker), ...hashId(salt));
  return () => ((random.next() >>> 6) * 2 ** 26 + (random.next() >>> 6) + 0.5) / 2 ** 52;
};
