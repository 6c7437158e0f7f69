/** A stretch of offered load. Rates are in requests per second and have nothing to do with how fast answers come. */
export interface Phase {
  /** Stretches of one name are counted together. */
  readonly name: string;
  readonly seconds: number;
  readonly rate: number;
  /** The rate at the end, reached evenly; `rate` if left out. */
  readonly toRate?: number;
}

/** Requests that the phases offer on average. */
export const expectedRequests = (phases: readonly Phase[]): number =>
  phases.reduce((sum, { seconds, rate, toRate = rate }) => sum + (seconds * (rate + toRate)) / 2, 0);

/** When each phase begins and ends, in milliseconds from the start. */
export const phaseBounds = (
  phases: readonly Phase[],
): readonly { readonly name: string; readonly fromMs: number; readonly untilMs: number }[] => {
  let fromMs = 0;
  return phases.map(({ name, seconds }) => {
    const untilMs = fromMs + seconds * 1000;
    const bounds = { name, fromMs, untilMs };
    fromMs = untilMs;
    return bounds;
  });
};
