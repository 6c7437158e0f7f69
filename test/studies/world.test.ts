import { describe, expect, test } from '@jest/globals';
import { createWorld } from '../../training/dataset/index.js';
import {
  addTallies,
  logOf,
  measures,
  multiplicationsOf,
  nearestWidth,
  platformLists,
  tallyOf,
} from '../../training/studies/index.js';
import { equalNetworks } from '../../cli/study/table1.js';
import { studyDefinition } from '../../cli/study/definition.js';
import { inputLayout } from '../../src/features/index.js';

const world = createWorld(3, { users: 50, requestsPerDay: 400, listLength: 10, poolSize: 20 });
const definition = await studyDefinition();

describe('the sums over lists', () => {
  const lists = platformLists(world, 4);
  const tally = addTallies(
    lists.map(({ request, shown }) => tallyOf({ world, request, shown, outcomes: world.outcomes(request, shown) })),
  );

  test('as the law expects them are what came out, but for chance', () => {
    const { expected, observed } = tally;
    expect(expected.requests).toBe(lists.length);
    expect(observed.requests).toBe(lists.length);
    // Clicks and likes are counts of rare, independent things: their variance is at most their mean.
    for (const count of ['clicks', 'likes', 'dismissals'] as const)
      expect(Math.abs(observed[count] - expected[count])).toBeLessThan(4 * Math.sqrt(expected[count]));
    expect(observed.watchSeconds / expected.watchSeconds).toBeCloseTo(1, 1);
  });

  test('rate what is watched as those do who answer', () => {
    const { expected, observed } = tally;
    const error = 1.2 / Math.sqrt(observed.ratings);
    expect(Math.abs(measures.satisfaction.of(observed) - measures.satisfaction.of(expected))).toBeLessThan(4 * error);
  });
});

describe('the log of a world', () => {
  test('holds the lists in the order of time, with what came of each item', async () => {
    const lists = platformLists(world, 1);
    const dataset = logOf(lists, { world, definition });
    let at = 0;
    for await (const { time, candidates, labels, positions } of dataset.requests()) {
      const list = lists[at++]!;
      const outcomes = world.outcomes(list.request, list.shown);
      expect(time).toBe(list.request.time);
      expect(candidates.map((item) => item['item_id'])).toEqual(list.shown.map(({ id }) => id));
      expect([...positions]).toEqual(list.shown.map((_, place) => place + 1));
      const [clicks, watched] = labels;
      expect([...clicks!]).toEqual(outcomes.map(({ clicked }) => Number(clicked)));
      outcomes.forEach(({ clicked, watchSeconds }, row) =>
        expect(watched![row]).toBe(clicked ? Math.fround(watchSeconds) : Number.NaN),
      );
    }
    expect(at).toBe(lists.length);
    expect(await dataset.count()).toBe(10 * lists.length);
  });

  test('can be read in part', async () => {
    const lists = platformLists(world, 2);
    const dataset = logOf(lists, { world, definition });
    const until = world.startMs + 86_400_000;
    let read = 0;
    for await (const { time } of dataset.requests({ until })) {
      expect(time).toBeLessThan(until);
      read++;
    }
    expect(read).toBe(world.requestsPerDay);
  });
});

describe('networks of equal cost', () => {
  test('are within two percent of each other, counted by hand', () => {
    const { candidateWidth } = inputLayout(definition);
    const tasks = Object.keys(definition.tasks).length;
    const byHand = (bottom: number, experts: number | undefined, width: number): number => {
      const first = candidateWidth * bottom;
      const towers = tasks * (width * 12 + 12);
      if (experts === undefined) return first + bottom * width + towers;
      return first + experts * bottom * width + tasks * bottom * experts + tasks * experts * width + towers;
    };
    const networks = equalNetworks(definition);
    const count = (name: string): number => networks.get(name)?.multiplications ?? Number.NaN;
    expect(count('MMoE, 4 experts')).toBe(byHand(48, 4, 24));
    expect(count('MMoE, 8 experts')).toBe(byHand(48, 8, 24));
    for (const [wide, experts] of [
      ['shared bottom, small', 'MMoE, 4 experts'],
      ['shared bottom, large', 'MMoE, 8 experts'],
    ] as const) {
      expect(count(wide)).toBe(byHand(48, undefined, networks.get(wide)?.network.bottom?.[1] ?? 0));
      expect(Math.abs(count(wide) / count(experts) - 1)).toBeLessThan(0.02);
    }
  });

  test('have the width that comes nearest: one more or one less is no nearer', () => {
    const networkOf = (width: number) => ({ kind: 'shared_bottom' as const, bottom: [width], towers: [8] });
    const wanted = 12_345;
    const { network, multiplications } = nearestWidth(definition, networkOf, wanted);
    const width = network.bottom?.[0] ?? 0;
    for (const other of [width - 1, width + 1])
      expect(Math.abs(multiplicationsOf(definition, networkOf(other)) - wanted)).toBeGreaterThanOrEqual(
        Math.abs(multiplications - wanted),
      );
  });
});
