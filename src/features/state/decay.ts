/** After this many half-lives (2^-64 of what was) a decayed value counts as exactly zero. */
const halfLivesToFade = 64;

/** What remains of a value after `elapsedMs`: 2^(-elapsed / half-life); all of it without a half-life. */
export function decayFactor(elapsedMs: number, halfLifeMs: number | undefined): number {
  if (halfLifeMs === undefined || elapsedMs <= 0) return 1;
  // Not 2 ** x, whose last bit is another from Node 24 on: the same log would not give the same sums.
  return elapsedMs > halfLivesToFade * halfLifeMs ? 0 : Math.exp(-Math.LN2 * (elapsedMs / halfLifeMs));
}

/** When a cell of decayed sums reads as zero, so that it may be dropped. */
export function fadeSpan(halfLifeMs: number | undefined): { fadesAfterMs?: number } {
  return halfLifeMs === undefined ? {} : { fadesAfterMs: halfLivesToFade * halfLifeMs };
}

/**
 * Adds amounts to exponentially decayed sums: cell [time, sums...] at values[cell ..]. A late outcome is added with what
 * would be left of it, so the sums do not depend on the order of arrival (beyond rounding). NaN amounts change nothing.
 */
export function addDecayed(
  values: Float64Array,
  cell: number,
  change: { time: number; amounts: Float64Array; at: number; count: number; halfLifeMs: number | undefined },
): void {
  const last = values[cell] ?? 0;
  const late = change.time < last;
  const factor = decayFactor(Math.abs(change.time - last), change.halfLifeMs);
  if (!late) values[cell] = change.time;
  for (let i = 0; i < change.count; i++) {
    const sum = values[cell + 1 + i] ?? 0;
    const amount = change.amounts[change.at + i] ?? Number.NaN;
    const added = Number.isNaN(amount) ? 0 : amount;
    values[cell + 1 + i] = late ? sum + added * factor : sum * factor + added;
  }
}
