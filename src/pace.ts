/** How long work takes per unit of it (rows, bytes), from recent work. */
export interface Pace {
  /** Undefined before any work was seen. */
  readonly msPerUnit: number | undefined;
  /** Some work was done. */
  add(ms: number, units: number): void;
}

/** Of a single piece of work no more than this many times what was expected counts: a pause says little of what comes. */
const mostTimes = 8;

/**
 * The ratio of two sums that forget, so that large pieces count for what they are. Half of what it knows is of the last
 * `halfLife` pieces.
 */
export const createPace = (halfLife = 32): Pace => {
  const kept = 2 ** (-1 / halfLife);
  let [ms, units] = [0, 0];
  return {
    get msPerUnit() {
      return units > 0 ? ms / units : undefined;
    },
    add: (newMs, newUnits) => {
      const expectedMs = units > 0 ? (ms / units) * newUnits : newMs;
      ms = kept * ms + Math.min(newMs, mostTimes * expectedMs);
      units = kept * units + newUnits;
    },
  };
};
