import { describe, expect, test } from '@jest/globals';
import { difference, fixedInterval, ratioEstimate, type Estimate } from '../../training/experiments/index.js';
import { contamination, mixedExperiments } from '../../training/stream/contamination.js';
import { momentsOfRows } from '../experiments/statistics/moments.js';
import { runExperiment, worldRanker, type ExperimentOutcome } from './experiment.js';

/** The interval of 99 % for what the second arm's clicks per list differ by. */
function differenceOf({ users }: ExperimentOutcome): readonly [low: number, high: number] {
  const [control, arm] = ['old', 'new'].map((key) => ratioEstimate(momentsOfRows(users[key] ?? [])) as Estimate);
  return fixedInterval(difference(control!, arm!), 0.01);
}

const version = '20260105T000000Z-000000';
const findingsOf = ({ learners }: ExperimentOutcome, rankers: Readonly<Record<string, string>>) =>
  contamination({
    experiment: 'net',
    arms: Object.fromEntries(Object.entries(rankers).map(([arm, ranker]) => [arm, { ranker, version }])),
    manifests: Object.entries(learners).map(([ranker, learner]) => ({
      ranker,
      version,
      trainer: { sources: learner.place.sources },
    })),
  });

const alone = (name: string, arm: string) => worldRanker(name, { arms: { include: [`net/${arm}`] } });

describe('two arms of the simulated world, from impressions over joining and learning to what is shown next', () => {
  test('that are the same, each with a learner of its own, stay the same', async () => {
    const arms = { old: { definition: alone('one', 'old') }, new: { definition: alone('two', 'new') } };
    const outcome = await runExperiment({ seed: 1, arms });
    const [low, high] = differenceOf(outcome);
    expect(low).toBeLessThan(0);
    expect(high).toBeGreaterThan(0);
    const { one, two } = outcome.learners;
    expect(Object.keys(one!.place.sources!)).toEqual(['one']);
    expect(two!.place.sources).toEqual({
      two: { rows: two!.place.counts.rows, arms: { 'net/new': two!.place.counts.rows } },
    });
    expect(findingsOf(outcome, { old: 'one', new: 'two' })).toEqual([]);
  });

  test('that share one ranker stay the same; the report is told that they do', async () => {
    const shared = worldRanker('one');
    const outcome = await runExperiment({
      seed: 3,
      arms: { old: { definition: shared }, new: { definition: shared } },
    });
    const [low, high] = differenceOf(outcome);
    expect(low).toBeLessThan(0);
    expect(high).toBeGreaterThan(0);
    expect(findingsOf(outcome, { old: 'one', new: 'one' })).toMatchObject([{ kind: 'shared', arms: ['old', 'new'] }]);
  });

  test('that learn from each other’s lists raise the alarm, in the report and in the learner', async () => {
    const arms = {
      old: { definition: worldRanker('one', { rankers: ['two'] }) },
      new: { definition: alone('two', 'new') },
    };
    const outcome = await runExperiment({ seed: 1, arms, days: 1 });
    expect(findingsOf(outcome, { old: 'one', new: 'two' })).toMatchObject([
      { kind: 'mixed', arms: ['old'], ranker: 'one', share: expect.closeTo(0.5, 0) },
    ]);
    const { one, two } = outcome.learners;
    expect(mixedExperiments('one', one!.place.sources!)).toMatchObject([{ experiment: 'net' }]);
    expect(mixedExperiments('two', two!.place.sources!)).toEqual([]);
  });

  test('that are not the same are told apart at this size: the worst first in one of them', async () => {
    const arms = {
      old: { definition: alone('one', 'old') },
      new: { definition: alone('two', 'new'), sign: -1 as const },
    };
    const [, high] = differenceOf(await runExperiment({ seed: 1, arms }));
    expect(high).toBeLessThan(0);
  });
});
