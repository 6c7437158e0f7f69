import { describe, expect, test } from '@jest/globals';
import type { RankerDefinition } from '../../src/definition/index.js';
import { createWorld } from '../../training/dataset/index.js';
import {
  addTallies,
  effectsOf,
  measures,
  platformLists,
  tallyOf,
  type Replicate,
} from '../../training/studies/index.js';
import { runContest, type ContestOptions } from '../../cli/study/contest.js';
import { studyDefinition } from '../../cli/study/definition.js';

const network = { kind: 'shared_bottom' as const, bottom: [8], towers: [4] };
const definition: RankerDefinition = { ...(await studyDefinition()), network };
const hourMs = 3_600_000;
const options: ContestOptions = {
  contenders: [
    {
      definition,
      arms: [
        { name: 'one' },
        { name: 'same' },
        { name: 'learning', learnEveryMs: hourMs },
        { name: 'still', followState: false },
      ],
    },
  ],
  seed: 4,
  worlds: 1,
  world: { users: 20, requestsPerDay: 80, listLength: 5, poolSize: 10 },
  historyDays: 2,
  liveDays: 1,
};

const levels = ([replicate]: readonly Replicate[]): Record<string, number> =>
  Object.fromEntries(
    (replicate?.arms ?? []).map(({ arm, days }) => [arm, measures.engagement.of(addTallies(days).expected)]),
  );

describe('arms side by side', () => {
  test('differ in what differs between them, and in nothing else; one seed, one result', async () => {
    const replicates = await runContest(options);
    const { one, same, learning, still } = levels(replicates);
    // The same ranker for the same people: not a bit of difference.
    expect(same).toBe(one);
    const effects = effectsOf(replicates, { arm: 'same', control: 'one' });
    expect(effects.map(({ byReplicate }) => byReplicate[0])).toEqual(effects.map(() => 0));
    expect(learning).not.toBe(one);
    expect(still).not.toBe(one);
    expect(JSON.stringify(await runContest(options))).toBe(JSON.stringify(replicates));
  });

  test('rank better than the platform whose log they learned from', async () => {
    const larger = {
      ...options,
      world: { users: 40, requestsPerDay: 300, listLength: 6, poolSize: 18 },
      historyDays: 4,
    };
    const replicates = await runContest({ ...larger, contenders: [{ definition, arms: [{ name: 'one' }] }] });
    const world = createWorld(replicates[0]?.seed ?? 0, larger.world);
    const sameDay = platformLists(world, 5).filter(({ request }) => request.day === 4);
    const platform = sameDay.map(({ request, shown }) => tallyOf({ world, request, shown, outcomes: [] }));
    expect(levels(replicates)['one']).toBeGreaterThan(1.05 * measures.engagement.of(addTallies(platform).expected));
  });

  test('learn from the log of a ranker, where one serves before them', async () => {
    const progress: number[] = [];
    const contenders = [{ definition, arms: [{ name: 'one' }] }];
    const served = await runContest({
      ...options,
      contenders,
      servedBy: { definition, days: 1 },
      onProgress: (done, total) => void progress.push(done / total),
    });
    expect(served[0]?.arms[0]?.days[0]?.expected.requests).toBe(80);
    // The day after both: that of the platform's two days, and that of the ranker's one.
    const world = createWorld(served[0]?.seed ?? 0, options.world);
    const platform = platformLists(world, 4).filter(({ request }) => request.day === 3);
    const own = platform.map(({ request, shown }) => tallyOf({ world, request, shown, outcomes: [] }));
    expect(levels(served)['one']).not.toBe(measures.engagement.of(addTallies(own).expected));
    expect(progress.at(-1)).toBe(1);
  });
});
