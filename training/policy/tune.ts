import type { Estimator } from './estimate.js';
import { explorationOptions, leastExploration, type ExplorationOption } from './exploration.js';
import { evenly, paretoFront } from './front.js';
import type { JudgeOptions } from './judge.js';
import { examinationOf, fitOutcome, headBasis } from './outcome.js';
import { pointJudge, targetOf, type TunedPoint } from './points.js';
import { chooseWeights, verdictOf } from './recommend.js';
import { pessimistic, searchWeights } from './search.js';
import { spreadMeasure, type WeightSpace } from './space.js';
import { splitByUser } from './split.js';
import { supportLimits, type SupportLimits } from './support.js';
import type { ListMetric, LoggedLists, Variation } from './types.js';
import { createWeigher } from './weigh.js';

export interface TuneOptions {
  readonly lists: LoggedLists;
  readonly space: WeightSpace;
  /** Places in `lists.metrics` of engagement and satisfaction. */
  readonly metrics: readonly [number, number];
  /** By task: the task whose outcome this one waits for. */
  readonly waits: readonly (number | undefined)[];
  readonly seed: number;
  /** How many weights are tried; 200 if left out. */
  readonly tries?: number;
  /** Part of the users that nothing is searched on; 0.5 if left out. */
  readonly judged?: number;
  readonly estimator?: Estimator;
  /** What a reward is taken to depend on; `examined` if left out. */
  readonly weighting?: 'place' | 'examined';
  /** Weights of lists count as this at most; 100 if left out. */
  readonly clip?: number;
  readonly limits?: Partial<SupportLimits>;
  /** What is random in the policies that are judged; as in each list if left out. */
  readonly variation?: Variation;
  /** Sentences on what makes every estimate doubtful: then nothing is recommended. */
  readonly doubts?: readonly string[];
  readonly onProgress?: (progress: TuneProgress) => void;
}

export interface TuneProgress {
  readonly phase: 'searching' | 'judging';
  readonly done: number;
  readonly total: number;
}

export interface Tuning {
  readonly metrics: readonly [ListMetric, ListMetric];
  readonly estimator: Estimator;
  readonly weighting: 'place' | 'examined';
  /** What is random in the policies that were judged, in words. */
  readonly exploring: string;
  /** How many lists and users were searched on, and judged on. */
  readonly searched: { readonly lists: number; readonly users: number };
  readonly judged: { readonly lists: number; readonly users: number };
  readonly current: TunedPoint;
  /** Found on one part of the users, judged on the other; best engagement first. */
  readonly front: readonly TunedPoint[];
  /** All that was tried, as the search saw it: the best of many look better than they are. */
  readonly tried: readonly TunedPoint[];
  /** Chosen on the first part of the users alone: its estimate on the other is no better than that of any other point. */
  readonly choice: TunedPoint | undefined;
  readonly recommended: boolean;
  /** Why, in sentences. */
  readonly reasons: readonly string[];
  /** What would let the log say more, where it says too little. */
  readonly advice: Advice | undefined;
}

export interface Advice {
  /** The weights that the search would have chosen. */
  readonly weights: readonly number[];
  /** So many lists like the logged ones would be enough on both sides of the split; undefined if no number would. */
  readonly listsNeeded: number | undefined;
  /** The least exploration that gives enough from as many lists as there are; undefined if none of those tried does. */
  readonly exploration: ExplorationOption | undefined;
}

const frontSize = 12;
/** More lists would tell apart what differs by a few thousandths, for a time that grows with them. */
const mostSearched = 15_000;
/** Races per point: what noise leaves of a target is small beside what people do, in long logs with one race per list. */
const races = { search: 20_000, judge: 100_000 } as const;

/**
 * Searches weights on some users and judges what it finds on the others. What is judged is the policy that would be deployed:
 * the order by those weights, varied as the log’s was, unless `variation` says otherwise.
 */
export const tune = (options: TuneOptions): Tuning => {
  const { lists, space, waits, seed, variation, limits = {}, estimator = 'dr', clip = 100, onProgress } = options;
  const { tries = 200, judged = 0.5, weighting = 'examined' } = options;
  const metrics = options.metrics.map((at) => lists.metrics[at]) as [ListMetric, ListMetric];
  const signs = metrics.map(({ direction }) => (direction === 'up' ? 1 : -1)) as [number, number];
  const split = splitByUser(lists, { seed, judged });
  const basis = headBasis(lists, waits);
  const outcomes = lists.rewards.map((_, column) => fitOutcome(lists, { which: split.search, column, basis }));
  const examination = examinationOf(outcomes, lists.places);
  const pointsOn = (which: Int32Array, racesInAll: number): ((weights: readonly number[]) => TunedPoint) => {
    const draws = Math.min(32, Math.max(1, Math.round(racesInAll / Math.max(1, which.length))));
    const weigher = createWeigher(lists, { seed, examination, draws });
    const judging: JudgeOptions = { lists, which, weigher, weighting, outcomes, metrics, estimator, clip, examination };
    return pointJudge({ judging, current: space.current, form: space.form, variation, limits });
  };

  const which = Int32Array.from(evenly(Array.from(split.search), mostSearched));
  const tried = searchWeights({
    space,
    spread: spreadMeasure(lists, { which, form: space.form }),
    tries,
    evaluate: pointsOn(which, races.search),
    signs,
    onTry: (done) => onProgress?.({ phase: 'searching', done, total: tries }),
  });
  const known = tried.filter(({ thin }) => thin.length === 0);
  const found = evenly(
    paretoFront(known, (point) => pessimistic(point, signs)),
    frontSize,
  );
  const [before] = tried;
  const chosen = chooseWeights(known, { current: before, signs });
  const wanted = chosen ?? chooseWeights(tried, { current: before, signs });

  const judgePoint = pointsOn(split.judge, races.judge);
  const total = found.length + 2;
  const judgeAt = (weights: readonly number[], done: number): TunedPoint => {
    onProgress?.({ phase: 'judging', done, total });
    return judgePoint(weights);
  };
  const current = judgeAt(space.current, 0);
  const front = found.map(({ weights }, at) => judgeAt(weights, at + 1));
  const choice = chosen === undefined ? undefined : judgeAt(chosen.weights, total - 1);
  onProgress?.({ phase: 'judging', done: total, total });
  const { doubts = [] } = options;
  const judgedVerdict = verdictOf({ choice, wanted, current, metrics, signs });
  const verdict = {
    recommended: judgedVerdict.recommended && doubts.length === 0,
    reasons: [...doubts, ...judgedVerdict.reasons],
  };
  const thin = choice === undefined ? wanted : choice.thin.length > 0 ? choice : undefined;
  return {
    metrics,
    estimator,
    weighting,
    exploring: variation === undefined ? 'as logged' : exploringText(variation),
    searched: { lists: which.length, users: tried[0]?.support.users ?? 0 },
    judged: { lists: split.judge.length, users: current.support.users },
    current,
    front,
    tried,
    choice,
    ...verdict,
    advice:
      thin === undefined || thin.thin.length === 0
        ? undefined
        : adviceFor(thin, { lists, examination, options, which: split.judge }),
  };
};

const exploringText = ({ share, temperature, swaps }: Variation): string =>
  share + swaps === 0
    ? 'without any exploration'
    : `with a share of ${share} varied by noise of temperature ${temperature}${swaps > 0 ? ` and swaps in ${swaps}` : ''}`;

/** Half of all effective lists are on each side of the split; some room is left for what is drawn otherwise. */
const room = 1.2;

const adviceFor = (
  { weights, support }: TunedPoint,
  known: {
    readonly lists: LoggedLists;
    readonly examination: Float64Array;
    readonly which: Int32Array;
    readonly options: TuneOptions;
  },
): Advice => {
  const { lists, examination, which, options } = known;
  const { space, variation, limits } = options;
  const needed = room * (limits?.effectiveLists ?? supportLimits.effectiveLists);
  const target = targetOf(weights, { form: space.form, variation });
  const { weighting = 'examined' } = options;
  const explored = explorationOptions({ lists, which, target, examination, weighting });
  const covered = Math.abs(support.meanWeight - 1) <= (limits?.meanWeightOff ?? supportLimits.meanWeightOff);
  const { judged = 0.5 } = options;
  const perList = Math.min(support.effectiveLists, support.variedLists) / Math.max(1, support.lists);
  const listsNeeded = covered && perList > 0 ? Math.ceil(needed / perList / Math.min(judged, 1 - judged)) : undefined;
  return { weights, listsNeeded, exploration: leastExploration(explored, needed / Math.max(1, which.length)) };
};
