/** Draws with a fixed seed (mulberry32 and Box-Muller), so that the tests do not lean on the code's own generator. */
export interface Draws {
  uniform(): number;
  normal(mean?: number, deviation?: number): number;
}

export const drawsOf = (seed: number): Draws => {
  let state = seed >>> 0;
  let spare: number | undefined;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const standard = (): number => {
    if (spare !== undefined) {
      const kept = spare;
      spare = undefined;
      return kept;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
  return { uniform, normal: (mean = 0, deviation = 1) => mean + deviation * standard() };
};

/** The share of `times` in which something holds. */
export const shareOf = (times: number, holds: (time: number) => boolean): number => {
  let count = 0;
  for (let time = 0; time < times; time++) if (holds(time)) count++;
  return count / times;
};
