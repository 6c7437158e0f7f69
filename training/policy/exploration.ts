import { race } from './race.js';
import { answeredOf, headParts, orderByUtility, scoreList, scratchFor, swapChance } from './scores.js';
import type { LoggedLists, Variation } from './types.js';
import type { Target } from './weigh.js';

/** What another way to vary the same log’s lists would have said of a target. */
export interface ExplorationOption extends Pick<Variation, 'share' | 'temperature'> {
  /** Effective lists for every logged list, or varied ones if those are fewer. */
  readonly effective: number;
}

export interface ExplorationAdviceOptions {
  readonly lists: LoggedLists;
  readonly which: Int32Array;
  readonly target: Target;
  /** [places] */
  readonly examination: Float64Array;
  readonly weighting: 'place' | 'examined';
}

const sampled = 150;
const shareSteps = [0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 1] as const;
/** Of the standard deviation of scores within a list. */
const temperatureSteps = [0.25, 0.5, 1, 2] as const;

/**
 * Effective lists per list for a grid of shares and temperatures, from logged heads alone: by place, a weight’s square is on
 * average sum_i P(i in the place | target)² / P(i in the place | log), and so for exposures; no reward enters. Of some of the
 * lists, evenly chosen.
 */
export const explorationOptions = (options: ExplorationAdviceOptions): ExplorationOption[] => {
  const { lists, which, target, examination, weighting } = options;
  const known = which.filter((list) => (lists.policyOf[list] as number) >= 0);
  const step = Math.max(1, Math.floor(known.length / sampled));
  const chosen = known.filter((_, at) => at % step === 0).slice(0, sampled);
  const parts = headParts(lists);
  const scratch = scratchFor(lists);
  const spread = meanSpread(lists, chosen);
  const tried = temperatureSteps.flatMap((multiple) =>
    shareSteps.map((share) => ({
      share,
      temperature: Number((multiple * spread).toPrecision(2)),
      squares: 0,
      varied: 0,
      seen: 0,
    })),
  );
  for (const list of chosen) {
    const policy = lists.policies[lists.policyOf[list] as number];
    if (policy === undefined) continue;
    const answered = answeredOf(lists, list);
    const variation = target.variation ?? policy;
    const tableOf = (weights: readonly number[], form: Target['form']): Ordered => {
      const rows = scoreList({ lists, parts: parts(form), weights }, list, scratch.utility);
      orderByUtility(scratch, rows, answered);
      return { utility: scratch.utility.slice(0, rows), ranks: scratch.rankOf.slice(0, rows), answered };
    };
    const wanted = tableOf(target.weights, target.form);
    const wantedChances = mix(wanted, variation, noiseOf(wanted, variation));
    const logged = tableOf(policy.weights, policy.form);
    let noise: { readonly temperature: number; readonly chances: Float64Array } | undefined;
    for (const option of tried) {
      const { share, temperature } = option;
      if (noise?.temperature !== temperature)
        noise = { temperature, chances: noiseOf(logged, { share, temperature, swaps: 0 }) };
      const swaps = Math.min(policy.swaps, 1 - share);
      const chances = mix(logged, { share, temperature, swaps }, noise.chances);
      const seen = examination.subarray(0, answered);
      option.squares +=
        weighting === 'place'
          ? placeSquares(wantedChances, chances, seen)
          : exposureSquares(wantedChances, chances, seen);
      chances.forEach((chance, at) => (option.varied += (seen[at % answered] as number) * chance * (1 - chance)));
      option.seen += seen.reduce((sum, one) => sum + one, 0);
    }
  }
  return tried.map(({ share, temperature, squares, varied, seen }) => ({
    share,
    temperature,
    effective: squares === 0 ? 0 : Math.min(seen / squares, varied / seen),
  }));
};

/** Mean squares of weights under the log, each place counting by how often people look there. */
const placeSquares = (wanted: Float64Array, logged: Float64Array, seen: Float64Array): number =>
  wanted.reduce(
    (sum, chance, at) =>
      chance === 0
        ? sum
        : sum + ((seen[at % seen.length] as number) * chance ** 2) / Math.max(logged[at] as number, 1e-12),
    0,
  );

const exposureSquares = (wanted: Float64Array, logged: Float64Array, seen: Float64Array): number => {
  let sum = 0;
  for (let first = 0; first < wanted.length; first += seen.length) {
    let [before, after] = [0, 0];
    seen.forEach((one, place) => {
      after += one * (wanted[first + place] as number);
      before += one * (logged[first + place] as number);
    });
    if (after > 0) sum += after ** 2 / Math.max(before, 1e-12);
  }
  return sum;
};

interface Ordered {
  readonly utility: Float64Array;
  readonly ranks: Int32Array;
  readonly answered: number;
}

/** [candidates, answered] Plackett-Luce chances of places; zeros where there is no noise. */
const noiseOf = ({ utility, answered }: Ordered, { share, temperature }: Variation): Float64Array => {
  const slots = utility.length * answered;
  if (share === 0) return new Float64Array(slots);
  return race({
    utilities: utility.map((value) => value / temperature),
    rows: Int32Array.from({ length: slots }, (_, at) => Math.floor(at / answered)),
    places: Int32Array.from({ length: slots }, (_, at) => at % answered),
    examination: new Float64Array(0),
  }).chances;
};

const mix = ({ ranks, answered }: Ordered, { share, swaps }: Variation, noise: Float64Array): Float64Array =>
  noise.map((chance, at) => {
    const [rank, place] = [ranks[Math.floor(at / answered)] as number, at % answered];
    return share * chance + swaps * swapChance(rank, place, answered) + (rank === place ? 1 - share - swaps : 0);
  });

/** The standard deviation of logged utilities within lists. */
const meanSpread = (lists: LoggedLists, which: Int32Array): number => {
  const parts = headParts(lists);
  const { utility } = scratchFor(lists);
  let [sum, rows] = [0, 0];
  for (const list of which) {
    const policy = lists.policies[lists.policyOf[list] as number];
    if (policy === undefined) continue;
    const count = scoreList({ lists, parts: parts(policy.form), weights: policy.weights }, list, utility);
    const mean = utility.subarray(0, count).reduce((total, value) => total + value, 0) / count;
    for (let row = 0; row < count; row++) sum += ((utility[row] as number) - mean) ** 2;
    rows += count;
  }
  return rows === 0 || sum === 0 ? 1 : Math.sqrt(sum / rows);
};

/** The least exploration that would have been enough: the smallest share, at the temperature that helps most there. */
export const leastExploration = (
  options: readonly ExplorationOption[],
  wantedPerList: number,
): ExplorationOption | undefined =>
  options
    .filter(({ effective }) => effective >= wantedPerList)
    .sort((a, b) => a.share - b.share || b.effective - a.effective)[0];
