import { selectRequests, selectRows, type FeatureBatch } from '../features/index.js';
import type { Scores } from './types.js';

/** As many candidates as requests usually have, and half of it, because runs are not all of one size. */
const sizes = [200, 100];
/** Code is compiled after some runs, and the runtime asks for its memory in the first. */
const rounds = 10;
const longestMs = 200;

/** Scores lists as large as requests are, made of the first list of these again and again; for 200 ms at most. */
export const warmUp = async (batch: FeatureBatch, score: (batch: FeatureBatch) => Promise<Scores>): Promise<void> => {
  const end = performance.now() + longestMs;
  const first = batch.requests > 0 ? selectRequests(batch, [0]) : batch;
  if (first.rows === 0) return;
  const lists = sizes.map((rows) =>
    selectRows(
      first,
      Array.from({ length: rows }, (_, row) => row % first.rows),
    ),
  );
  for (let round = 0; round < rounds; round++) for (const list of lists) if (performance.now() < end) await score(list);
};
