import type { RankerDefinition } from '../../src/definition/index.js';
import {
  adviceText,
  gainText,
  tuningMethod,
  tuningTable,
  verdictText,
  type Estimate,
  type PolicyEvaluation,
  type TunedPoint,
  type Tuning,
} from '../../training/policy/index.js';
import { formatTable, print } from '../output.js';

/** What the tuning found, for people. */
export const printTuning = (tuning: Tuning, tasks: readonly string[], notes: readonly string[]): void => {
  const { columns, rows } = tuningTable(tuning, tasks);
  print(formatTable(columns, rows));
  print('');
  for (const sentence of [...verdictText(tuning), ...adviceText(tuning.advice)]) print(sentence);
  print('');
  for (const sentence of [...tuningMethod(tuning), ...notes]) print(sentence);
};

const named = (tasks: readonly string[], weights: readonly number[]): Record<string, number> =>
  Object.fromEntries(tasks.map((task, at) => [task, weights[at] ?? 0]));

/** A number that JSON has; null for what is not finite. */
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
const interval = ({ value, low, high, error }: Estimate): object => ({
  value: finite(value),
  low: finite(low),
  high: finite(high),
  standardError: finite(error),
});

export const tuningJson = (tuning: Tuning, { name }: RankerDefinition, tasks: readonly string[]): object => {
  const point = ({ weights, values, gains, support, thin, clipped }: TunedPoint): object => ({
    weights: named(tasks, weights),
    estimates: Object.fromEntries(
      tuning.metrics.map((metric, at) => [
        metric.name,
        { ...interval(values[at as 0 | 1]), change: interval(gains[at as 0 | 1]) },
      ]),
    ),
    support,
    thin,
    clipped,
  });
  const { advice } = tuning;
  return {
    ranker: name,
    engagement: tuning.metrics[0].name,
    satisfaction: tuning.metrics[1].name,
    estimator: tuning.estimator,
    weighting: tuning.weighting,
    exploring: tuning.exploring,
    searched: tuning.searched,
    judged: tuning.judged,
    current: point(tuning.current),
    front: tuning.front.map(point),
    choice: tuning.choice === undefined ? null : point(tuning.choice),
    recommended: tuning.recommended,
    reasons: tuning.reasons,
    advice:
      advice === undefined
        ? null
        : {
            weights: named(tasks, advice.weights),
            listsNeeded: advice.listsNeeded ?? null,
            exploration: advice.exploration ?? null,
          },
  };
};

/** Every estimate of one policy side by side. */
export const printEvaluation = ({ logged, estimates, support }: PolicyEvaluation, notes: readonly string[]): void => {
  const text = ({ value, low, high }: Estimate): string =>
    `${Number(value.toPrecision(4))} ±${Number(((high - low) / 2).toPrecision(3))}`;
  const base = new Map(logged.map(({ metric, estimate }) => [metric, estimate.value]));
  print(
    formatTable(
      ['metric', 'weighting', 'estimator', 'per list', 'change', 'clipping'],
      [
        ...logged.map(({ metric, estimate }) => [metric, 'as logged', '', text(estimate), '', '']),
        ...estimates.map(({ metric, weighting, estimator, estimate, gain, clipBias }) => [
          metric,
          weighting,
          estimator,
          text(estimate),
          gainText(gain, base.get(metric) ?? 0),
          clipBias === 0 ? '' : String(Number(clipBias.toPrecision(2))),
        ]),
      ],
    ),
  );
  print('');
  print(
    formatTable(
      ['weighting', 'lists', 'users', 'effective lists', 'varied lists', 'mean weight', 'largest weight', ''],
      support.map((each) => [
        each.weighting,
        each.lists,
        each.users,
        Math.floor(each.effectiveLists),
        Math.floor(each.variedLists),
        each.meanWeight.toFixed(3),
        each.largestWeight.toPrecision(3),
        each.thin.length > 0 ? `too little support: ${each.thin.join('; ')}` : '',
      ]),
    ),
  );
  print('');
  for (const sentence of notes) print(sentence);
};

export const evaluationJson = ({ logged, estimates, support }: PolicyEvaluation, name: string): object => ({
  ranker: name,
  logged: logged.map(({ metric, estimate }) => ({ metric, ...interval(estimate) })),
  estimates: estimates.map(({ estimate, gain, ...rest }) => ({
    ...rest,
    ...interval(estimate),
    change: interval(gain),
  })),
  support,
});
