import { requestStarts } from '../../src/features/index.js';
import { mixSeeds } from '../fit/index.js';
import type { JudgedRows } from './types.js';
import { concatJudged, selectJudged } from './windows-rows.js';

/** An even sample of the requests it was offered, of a bounded number of rows: a function of its seed and of the offers. */
export interface AnchorSample {
  offer(judged: JudgedRows, request: number): void;
  rows(): JudgedRows;
  /** What `restore` needs beside the rows. */
  readonly counters: AnchorCounters;
  restore(rows: JudgedRows, counters: AnchorCounters): void;
}

export interface AnchorCounters {
  /** Rows it is a sample of. */
  readonly seen: number;
  /** Random numbers taken. */
  readonly draws: number;
}

/**
 * A sample of this many times its size forgets from there on: a hundredth of what comes gets in and older rows give way, so
 * that ids that are no longer known and tastes that changed do not speak against a healthy model for ever.
 */
const evenUntil = 100;

/** @param capacity in rows; a request with more is kept alone. */
export const createAnchorSample = ({
  seed,
  capacity,
}: {
  readonly seed: number;
  readonly capacity: number;
}): AnchorSample => {
  /** One request each, cut out so that it keeps nothing else in memory. */
  let kept: JudgedRows[] = [];
  let keptRows = 0;
  let counters: AnchorCounters = { seen: 0, draws: 0 };
  let all: JudgedRows | undefined;

  /** Uniform in [0, 1). */
  const draw = (): number => {
    counters = { ...counters, draws: counters.draws + 1 };
    return mixSeeds(seed, counters.draws) / 2 ** 32;
  };

  const drop = (at: number): void => {
    keptRows -= kept[at]?.batch.rows ?? 0;
    const last = kept.pop();
    if (last !== undefined && at < kept.length) kept[at] = last;
  };

  return {
    offer(judged, request) {
      const starts = requestStarts(judged.batch);
      const rows = (starts[request + 1] ?? 0) - (starts[request] ?? 0);
      counters = { ...counters, seen: counters.seen + rows };
      if (draw() * Math.min(counters.seen, evenUntil * capacity) >= capacity) return;
      all = undefined;
      while (kept.length > 0 && keptRows + rows > capacity) drop(Math.floor(draw() * kept.length));
      kept.push(selectJudged(judged, [request]));
      keptRows += rows;
    },
    rows: () => (all ??= concatJudged(kept)),
    get counters() {
      return counters;
    },
    restore(rows, saved) {
      kept = Array.from(rows.times, (_, request) => selectJudged(rows, [request]));
      keptRows = rows.batch.rows;
      counters = saved;
      all = undefined;
    },
  };
};
