import { describe, expect, test } from '@jest/globals';
import { metricRules, parseDefinition } from '../../src/definition/index.js';
import type { Impression, LoggedEvent } from '../../src/events/index.js';
import { openLogTables } from '../../training/dataset/index.js';
import {
  checkPropensities,
  chooseAims,
  readLoggedLists,
  type ListPolicy,
  type ReadLog,
} from '../../training/policy/index.js';
import { feedback } from '../events/events.js';
import { memoryLog } from '../join/memory-log.js';
import { definitionText, worldEvents } from './events.js';
import { logWorld } from './world.js';

const policy: ListPolicy = { weights: [1, 0.2], form: 'product', share: 0.3, temperature: 0.6, swaps: 0.2 };
const definition = parseDefinition(definitionText, 'ranker.yaml');

const read = async (
  events: readonly LoggedEvent[],
  text = definitionText,
  { mostLists = 1e6, partitions = 2 } = {},
): Promise<ReadLog> => {
  const log = memoryLog(partitions);
  await log.log(events);
  const ranker = parseDefinition(text, 'ranker.yaml');
  const tables = await openLogTables({ log, ranker: 'films', threads: 1 });
  try {
    return await readLoggedLists({ tables, definition: ranker, metrics: metricRules(ranker).slice(0, 2), mostLists });
  } finally {
    await tables.close();
  }
};

describe('lists of a log', () => {
  test('are those that were drawn: candidates, order, policy, chances and what came of them', async () => {
    const options = { seed: 2, users: 40, policy };
    const { lists, leftOut } = await read(worldEvents(options));
    const drawn = logWorld(options);
    expect(lists.count).toBe(drawn.count);
    expect(leftOut).toEqual({ unlogged_candidates: 0, unscored: 0, other_heads: 0 });
    // Lists of one moment may come in another order: they are compared one by one.
    const described = (log: typeof lists, columns: readonly number[]): string[] =>
      Array.from({ length: log.count }, (_, list) => {
        const [from, to] = [log.slotStart[list]!, log.slotStart[list + 1]!];
        const rows = [log.rowStart[list]!, log.rowStart[list + 1]!] as const;
        return JSON.stringify([
          log.users[log.user[list]!],
          log.policies[log.policyOf[list]!],
          [...log.heads.subarray(2 * rows[0], 2 * rows[1])],
          [...log.slotRow.subarray(from, to)],
          [...log.place.subarray(from, to)],
          [...log.propensity.subarray(from, to)].map((chance) => chance.toFixed(9)),
          columns.map((column) => [...log.rewards[column]!.subarray(from, to)]),
        ]);
      }).sort();
    expect(described(lists, [0, 1])).toEqual(described(drawn, [0, 1]));
    expect(checkPropensities(lists)).toEqual({ checked: 120, differ: 0, largest: expect.closeTo(0, 9) });
  });

  test('come in one order, whatever the partitions of the log', async () => {
    const events = worldEvents({ seed: 3, users: 20, policy });
    const [one, many] = [
      await read(events, definitionText, { partitions: 1 }),
      await read(events, definitionText, { partitions: 5 }),
    ];
    expect(many.lists).toEqual(one.lists);
  });

  test('have chances that are checked against their policy', async () => {
    const events = worldEvents({ seed: 2, users: 10, policy });
    const wrong = events.map((event, at): LoggedEvent =>
      event.kind === 'impression' && at < 20
        ? { ...event, items: event.items.map((item) => ({ ...item, propensity: item.propensity * 0.9 })) }
        : event,
    );
    const changed = wrong.filter((event, at) => event !== events[at]).length;
    const { differ, largest } = checkPropensities((await read(wrong)).lists);
    expect(differ).toBe(changed);
    expect(largest).toBeGreaterThan(0.01);
  });

  test('are left out, and counted, where they cannot be ranked anew', async () => {
    const events = worldEvents({ seed: 2, users: 2, policy });
    const lists = events.filter((event): event is Impression => event.kind === 'impression');
    const varied = ['exploration', 'unshown'];
    const kept = Object.entries(lists[0]!).filter(([name]) => !varied.includes(name));
    const plain = Object.fromEntries(kept) as unknown as Impression;
    const other: Impression = {
      ...lists[1]!,
      tasks: ['click'],
      heads: Float32Array.of(0.1, 0.2, 0.3, 0.4),
      unshown: { ...lists[1]!.unshown!, heads: Float32Array.of(0.1, 0.2, 0.3, 0.4) },
    };
    const failed: Impression = { ...lists[2]!, heads: lists[2]!.heads.map((value, at) => (at === 3 ? NaN : value)) };
    const { lists: usable, leftOut } = await read([plain, other, failed, ...lists.slice(3)]);
    expect(leftOut).toEqual({ unlogged_candidates: 1, unscored: 1, other_heads: 1 });
    expect(usable.count).toBe(lists.length - 3);
  });

  test('a candidate without a score that was not shown changes nothing', async () => {
    const [list] = worldEvents({ seed: 2, users: 1, policy }) as [Impression];
    const heads = list.unshown!.heads.slice();
    heads[0] = NaN;
    const { lists } = await read([{ ...list, unshown: { ...list.unshown!, heads } }]);
    expect(lists.count).toBe(1);
    expect(lists.rowStart[1]).toBe(7);
  });

  test('of a long log those of some users are read', async () => {
    const { lists, share } = await read(worldEvents({ seed: 2, users: 200, listsPerUser: 2, policy }), definitionText, {
      mostLists: 100,
    });
    expect(share).toBe(0.25);
    expect(lists.count).toBeGreaterThan(50);
    expect(lists.count).toBeLessThan(160);
    expect(lists.count).toBe(2 * lists.users.length);
  });

  test('take of several feedback on an item what the metric says', async () => {
    const [list] = worldEvents({ seed: 2, users: 1, policy }) as [Impression];
    const say = (eventId: string, value: number, seconds: number): LoggedEvent =>
      feedback({
        ...{ eventId, value, time: list.time + 1000 * seconds, requestId: list.requestId, userId: list.userId },
        ...{ itemId: list.items[1]!.id, what: 'watch' },
      });
    const events = [list, say('a', 4, 1), say('b', 9, 2), say('c', 6, 3)];
    const rewards = async (metric: string): Promise<number[]> => {
      const text = `${definitionText}metrics:\n  one: {of: watch, direction: up, ${metric}}\n`;
      const { lists } = await read(events, text);
      return lists.rewards.map((column) => column[1]!);
    };
    expect(await rewards('take: sum')).toEqual([19]);
    expect(await rewards('take: sum, several: last')).toEqual([6]);
    expect(await rewards('take: sum, several: largest, over: duration')).toEqual([0.9]);
    expect(await rewards('take: mean')).toEqual([19, 3]);
    expect(await rewards('take: count')).toEqual([3]);
    expect(await rewards('take: any, per: impression')).toEqual([1]);
  });

  test('add up to the same last digit, in whichever order the database meets them', async () => {
    const [list] = worldEvents({ seed: 2, users: 1, policy }) as [Impression];
    const text = `${definitionText}metrics:\n  one: {of: watch, direction: up, take: sum}\n`;
    // It goes by a hash of the ids: each value has each of them once.
    const totals = new Set<number>();
    for (const values of [
      [0.1, 0.2, 0.3],
      [0.3, 0.1, 0.2],
      [0.2, 0.3, 0.1],
    ]) {
      const said = values.map((value, at) =>
        feedback({
          ...{ eventId: `e${at}`, value, time: list.time + 1000, requestId: list.requestId, userId: list.userId },
          ...{ itemId: list.items[1]!.id, what: 'watch' },
        }),
      );
      totals.add((await read([list, ...said], text)).lists.rewards[0]![1]!);
    }
    expect([...totals]).toEqual([0.1 + 0.2 + 0.3]);
  });
});

describe('what is tuned for', () => {
  test('is what the tasks of each group learn from, watching first', () => {
    const aims = chooseAims(definition, {});
    expect([aims.engagement.name, aims.satisfaction.name]).toEqual(['click', 'satisfied']);
    const watching = `${definitionText}metrics:
  click_share: {of: click, take: any, per: user, direction: up}
  clicks: {of: click, take: count, direction: up}
  likes: {of: like, take: count, direction: up}
`;
    expect(chooseAims(parseDefinition(watching, 'x.yaml'), {}).engagement.name).toBe('clicks');
  });

  test('must exist and add up over what was shown', () => {
    expect(() => chooseAims(definition, { engagement: 'clik' })).toThrow(
      expect.objectContaining({ problems: [expect.objectContaining({ hint: expect.stringContaining('click') })] }),
    );
    const any = parseDefinition(
      `${definitionText}metrics:\n  came_back: {of: click, take: any, per: user, direction: up}\n  clicks: {of: click, take: count, direction: up}\n`,
      'x.yaml',
    );
    expect(() => chooseAims(any, { engagement: 'came_back' })).toThrow(/does not add up/);
  });
});
