const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds of a duration text such as `30s` or `3d`; throws a RangeError for anything else. */
export const durationMs = (text: string): number => {
  const match = /^(\d+)(ms|s|m|h|d)$/.exec(text);
  if (match === null)
    throw new RangeError(`"${text}" is not a duration: write a number and ms, s, m, h or d, e.g. 30s, 6h, 3d`);
  return Number(match[1]) * unitMs[match[2] as keyof typeof unitMs];
};
