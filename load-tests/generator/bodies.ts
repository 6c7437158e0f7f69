import { SeededRandom } from '../../src/random.js';
import { createZipf } from './zipf.js';

/** Who asks for what: users `u<rank>` and items by rank, both Zipf-distributed. */
export interface Audience {
  readonly users: number;
  readonly items: number;
  /** Candidates of one request, all different. */
  readonly candidates: number;
  /** Item of rank n is `i<n * itemStride>`; 1 if left out. */
  readonly itemStride?: number;
  /** Of users and of items; 0 is uniform. */
  readonly exponent: number;
  readonly contexts: readonly Readonly<Record<string, unknown>>[];
  readonly ranker?: string;
}

/** Different bodies that are sent in turn: enough that no cache of whole requests would help. */
const mostBodies = 2048;

/** Bodies of rank requests; the same seed makes the same ones. They name users and items, whose fields were put before. */
export const rankBodies = (audience: Audience, wanted: number, seed: number): Buffer[] => {
  const { users, items, candidates, exponent, contexts, ranker, itemStride = 1 } = audience;
  const random = new SeededRandom(seed, 1);
  const who = createZipf({ count: users, exponent });
  const what = createZipf({ count: items, exponent });
  return Array.from({ length: Math.max(1, Math.min(mostBodies, Math.ceil(wanted))) }, () =>
    Buffer.from(
      JSON.stringify({
        ...(ranker !== undefined && { ranker }),
        user: { id: `u${who.draw(random)}` },
        context: contexts[random.below(contexts.length)] ?? {},
        candidates: what.drawDistinct(candidates, random).map((rank) => ({ id: `i${rank * itemStride}` })),
      }),
    ),
  );
};
