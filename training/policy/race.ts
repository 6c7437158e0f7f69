/**
 * Places under Plackett-Luce, exactly. Its order is that of a race: candidate j arrives after an exponential time of rate
 * exp(u_j), so with F_j(t) = 1 - exp(-exp(u_j) t)
 *
 *   P(j in place k) = integral of F_j'(t) P(k - 1 of the others have arrived by t) dt,
 *
 * the last factor Poisson-binomial. The integral is a sum over even steps of y, log t = y - exp(-y), where the integrand falls
 * doubly exponentially on both sides, so that the error falls exponentially in the step (Takahasi and Mori, 1974). Steps
 * shrink with the places, as the k-th arrival is the sharper the larger k is. Measured: 1e-4 of a chance or better.
 */
export interface Race {
  /** [candidates] finite. */
  readonly utilities: Float64Array;
  /** [slots] row and 0-based place of what is asked for. */
  readonly rows: Int32Array;
  readonly places: Int32Array;
  /** [places asked about] how much each place counts in `exposures`; later ones do not. */
  readonly examination: Float64Array;
}

export interface Raced {
  /** [slots] the chance that the row comes in the place. */
  readonly chances: Float64Array;
  /** [slots] the mean examination of the row, wherever it comes. */
  readonly exposures: Float64Array;
}

/** A chance of having arrived, or not, that changes nothing. */
const negligible = 1e-13;
const logNegligible = Math.log(negligible);

export const race = ({ utilities, rows, places, examination }: Race): Raced => {
  const chances = new Float64Array(rows.length);
  const exposures = new Float64Array(rows.length);
  const candidates = utilities.length;
  const last = places.reduce((most, place) => Math.max(most, place), examination.length - 1);
  const total = logSum(utilities);
  const step = Math.min(0.5, 1.3 / Math.sqrt(last + 1));
  const arrived = new Float64Array(candidates); // F
  const density = new Float64Array(candidates); // F' dt
  const counts = new Float64Array(candidates + 1); // P(so many have arrived)
  const others = new Float64Array(candidates + 1);
  for (let y = -3.2; ; y += step) {
    let next = Infinity;
    const logTime = y - Math.exp(-y) - total;
    let [most, sure] = [0, 0];
    counts.fill(0);
    counts[0] = 1;
    for (let row = 0; row < candidates; row++) {
      const rate = Math.exp((utilities[row] as number) + logTime);
      const share = -Math.expm1(-rate);
      arrived[row] = share;
      density[row] = rate * (1 - share) * (1 + Math.exp(-y)) * step;
      if (share < negligible) {
        next = Math.min(next, logNegligible + total - (utilities[row] as number));
        continue;
      }
      if (1 - share < negligible) {
        sure++;
        continue;
      }
      most++;
      for (let count = most; count > 0; count--)
        counts[count] = (counts[count] as number) * (1 - share) + (counts[count - 1] as number) * share;
      counts[0] = counts[0] * (1 - share);
    }
    for (let slot = 0; slot < rows.length; slot++) {
      const row = rows[slot] as number;
      const weight = density[row] as number;
      if (weight < 1e-16 || 1 - (arrived[row] as number) < negligible) continue;
      const [share, place] = [arrived[row] as number, places[slot] as number];
      // Who has not arrived for sure is here: the others that have are so many more.
      const known = takeOut(counts, { share, most }, others);
      if (place >= sure && place - sure < known)
        chances[slot] = (chances[slot] as number) + weight * (others[place - sure] as number);
      let exposure = 0;
      for (let count = 0; count < Math.min(known, examination.length - sure); count++)
        exposure += (examination[count + sure] as number) * (others[count] as number);
      exposures[slot] = (exposures[slot] as number) + weight * exposure;
    }
    let left = 0;
    for (let count = 0; count <= Math.min(last - sure, most); count++) left += counts[count] as number;
    if (left < 1e-12) return { chances, exposures };
    // Between arrivals that are far apart nothing happens.
    if (most === 0 && next - y > step) y += step * Math.floor((next - y) / step - 1);
  }
};

/** P(so many of the others have arrived) from the counts of all, the stable way round; answers how many counts there are. */
const takeOut = (
  counts: Float64Array,
  { share, most }: { readonly share: number; readonly most: number },
  others: Float64Array,
): number => {
  if (share < negligible) {
    others.set(counts.subarray(0, most + 1));
    return most + 1;
  }
  let chance = 0;
  if (share < 0.5) {
    for (let count = 0; count < most; count++) {
      chance = Math.max(0, ((counts[count] as number) - chance * share) / (1 - share));
      others[count] = chance;
    }
  } else {
    for (let count = most; count > 0; count--) {
      chance = Math.max(0, ((counts[count] as number) - chance * (1 - share)) / share);
      others[count - 1] = chance;
    }
  }
  return most;
};

const logSum = (values: Float64Array): number => {
  const largest = values.reduce((most, value) => Math.max(most, value), -Infinity);
  let sum = 0;
  for (const value of values) sum += Math.exp(value - largest);
  return largest + Math.log(sum);
};
