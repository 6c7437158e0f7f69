/**
 * A clock that is told what time it is, for services that live through simulated or past time. It moves on to the largest
 * time it heard, never back; 0 before it heard any.
 */
export interface DrivenClock {
  /** Milliseconds since 1970. */
  now(): number;
  /** What is no time (see {@link isTellable}) is passed over. */
  hear(timeMs: number): void;
}

const latestMs = Date.UTC(2100, 0, 1);

/** Whether a driven clock would go by it: milliseconds since 1970, before 2100. */
export const isTellable = (timeMs: number): boolean => timeMs > 0 && timeMs < latestMs;

export const createDrivenClock = (): DrivenClock => {
  let latest = 0;
  return {
    now: () => latest,
    hear: (timeMs) => {
      if (isTellable(timeMs)) latest = Math.max(latest, timeMs);
    },
  };
};
