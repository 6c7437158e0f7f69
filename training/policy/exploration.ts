import { placeChances } from './place-chances.js';
import { answeredOf, headParts, orderByUtility, scoreList, scratchFor, swapChance } from './scores.js';
import type { LoggedLists, Variation } from './types.js';
import type { Target } from './weigh.js';

/** What another way to vary the same log’s lists would have said of a target. */
export interface ExplorationOption extends Pick<Variation, 'share' | 'temperature'> {
  /** Effective lists for every logged list. */
  readonly effective: number;
}

export interface ExplorationAdviceOptions {
  readonly lists: LoggedLists;
  readonly which: Int32Array;
  readonly target: Target;
  /** [places] */
  readonly shares: Float64Array;
}

const sampled = 150;
const shareSteps = [0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 1] as const;
/** Of the standard deviation of scores within a list. */
const temperatureSteps = [0.25, 0.5, 1, 2] as const;

/**
 * Effective lists per list for a grid of shares and temperatures, from logged heads alone: a weight’s square is on average
 * sum_i P(i in the place | target)² / P(i in the place | log), which no reward enters. Of some of the lists, evenly chosen.
 */
export const explorationOptions = (options: ExplorationAdviceOptions): ExplorationOption[] => {
  const { lists, which, target, shares } = options;
  const known = which.filter((list) => (lists.policyOf[list] as number) >= 0);
  const step = Math.max(1, Math.floor(known.length / sampled));
  const chosen = known.filter((_, at) => at % step === 0).slice(0, sampled);
  const parts = headParts(lists);
  const scratch = scratchFor(lists);
  const spread = meanSpread(lists, chosen);
  const options_ = temperatureSteps.flatMap((multiple) =>
    shareSteps.map((share) => ({ share, temperature: Number((multiple * spread).toPrecision(2)), sum: 0 })),
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
    for (const option of options_) {
      const { share, temperature } = option;
      if (noise?.temperature !== temperature)
        noise = { temperature, chances: noiseOf(logged, { share, temperature, swaps: 0 }) };
      const swaps = Math.min(policy.swaps, 1 - share);
      const chances = mix(logged, { share, temperature, swaps }, noise.chances);
      let second = 0;
      wantedChances.forEach((chance, at) => {
        if (chance > 0)
          second += ((shares[at % answered] as number) * chance ** 2) / Math.max(chances[at] as number, 1e-12);
      });
      option.sum += second;
    }
  }
  return options_.map(({ share, temperature, sum }) => ({
    share,
    temperature,
    effective: sum === 0 ? 0 : chosen.length / sum,
  }));
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
  return placeChances({
    utilities: utility.map((value) => value / temperature),
    rows: Int32Array.from({ length: slots }, (_, at) => Math.floor(at / answered)),
    places: Int32Array.from({ length: slots }, (_, at) => at % answered),
  });
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
