/** Time between things that do not change what is learned. */
export interface Timer {
  isDue(): boolean;
  restart(): void;
}

/** Due when so much real time has passed since it was made or restarted. */
export const wallTimer = (everyMs: number, now = (): number => performance.now()): Timer => {
  let since = now();
  return {
    isDue: () => now() - since >= everyMs,
    restart: () => {
      since = now();
    },
  };
};

/**
 * Due when event time has passed a whole multiple of the interval since the first time there was, or since it was restarted:
 * the same points of a log, wherever it is read from. Never due before there is a time.
 */
export const streamTimer = (everyMs: number, time: () => number): Timer => {
  const multiple = (): number => Math.floor(time() / everyMs);
  let passed = Number.NaN;
  return {
    isDue: () => {
      const now = multiple();
      if (Number.isNaN(passed) && Number.isFinite(now)) passed = now;
      return now > passed;
    },
    restart: () => {
      const now = multiple();
      passed = Number.isFinite(now) ? now : passed;
    },
  };
};
