/** How long rows take, from recent work. */
export interface Pace {
  /** Milliseconds per row; undefined before any work was seen. */
  readonly msPerRow: number | undefined;
  /** Some work was done. */
  add(ms: number, rows: number): void;
}

/** Of a single piece of work no more than this many times what was expected counts: a pause says nothing of the next row. */
const mostTimes = 8;

/**
 * The ratio of two sums that forget, so that large pieces count for what they are. Half of what it knows is of the last
 * `halfLife` pieces.
 */
export const createPace = (halfLife = 32): Pace => {
  const kept = 2 ** (-1 / halfLife);
  let [ms, rows] = [0, 0];
  return {
    get msPerRow() {
      return rows > 0 ? ms / rows : undefined;
    },
    add: (newMs, newRows) => {
      const expectedMs = rows > 0 ? (ms / rows) * newRows : newMs;
      ms = kept * ms + Math.min(newMs, mostTimes * expectedMs);
      rows = kept * rows + newRows;
    },
  };
};
