/** Takes tokens that come back at a steady rate. */
export interface Bucket {
  /** Takes `amount` and answers 0, or takes nothing and answers how long to wait until it can, in milliseconds. */
  take(amount: number): number;
  /** Whole tokens left, 0 or more. */
  readonly left: number;
  /** Until it is full again, in milliseconds. */
  readonly fullInMs: number;
}

/**
 * Full at first, with `capacity` tokens. More than the capacity may be taken at once from a full one and is then owed, so
 * that a large request waits longer and is never impossible. `now` is monotonic, in milliseconds.
 */
export const createBucket = (options: {
  readonly perSecond: number;
  readonly capacity: number;
  readonly now: () => number;
}): Bucket => {
  const { perSecond, capacity, now } = options;
  let level = capacity;
  let at = now();
  const refill = (): void => {
    const time = now();
    level = Math.min(capacity, level + (Math.max(0, time - at) / 1000) * perSecond);
    at = time;
  };
  const waitMs = (wanted: number): number => Math.max(0, ((wanted - level) / perSecond) * 1000);
  return {
    take: (amount) => {
      refill();
      const wait = waitMs(Math.min(amount, capacity));
      // Refilling adds fractions: what is short by less than their rounding is not short.
      if (wait > 1e-6) return wait;
      level -= amount;
      return 0;
    },
    get left() {
      refill();
      return Math.max(0, Math.floor(level + 1e-9));
    },
    get fullInMs() {
      refill();
      return waitMs(capacity);
    },
  };
};
