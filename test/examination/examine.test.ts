import { describe, expect, test } from '@jest/globals';
import type { RankerDefinition } from '../../src/definition/index.js';
import type { LoggedEvent } from '../../src/events/index.js';
import { openLogTables } from '../../training/dataset/index.js';
import {
  examinationPlot,
  examinationTable,
  examine,
  statements,
  type ExaminationReport,
  type ExamineOptions,
} from '../../training/examination/index.js';
import { feedback, impression } from '../events/events.js';
import { smallRanker } from '../fit/world.js';
import { memoryLog } from '../join/memory-log.js';
import { platformLog, start, truthOn } from './events.js';

const definition: RankerDefinition = {
  ...smallRanker(),
  bias: { features: ['position', 'device'], positions: 4, tasks: ['click'] },
};

const examined = async (
  events: Iterable<LoggedEvent>,
  options: Partial<ExamineOptions> = {},
): Promise<ExaminationReport> => {
  const log = memoryLog(2);
  await log.log([...events]);
  const tables = await openLogTables({ log, ranker: 'small', threads: 1 });
  try {
    return await examine({ definition, tables, ...options });
  } finally {
    await tables.close();
  }
};

describe('examination from a log', () => {
  test('finds the curve of each device, by swaps and by ordinary lists', async () => {
    const report = await examined(platformLog({ requests: 5_000 }), { by: 'device' });
    expect(report.requests).toBe(5_000);
    expect(report.swapRequests / report.requests).toBeCloseTo(0.5, 1);
    expect(report.heads.map(({ task, where }) => [task, where?.value])).toEqual([
      ['click', 'phone'],
      ['watch', 'phone'],
      ['click', 'tv'],
      ['watch', 'tv'],
    ]);
    for (const { task, where, positions } of report.heads) {
      expect(positions.map(({ position }) => position)).toEqual([1, 2, 3, 4]);
      for (const { position, swaps, lists } of positions.slice(1)) {
        // After a click it does not matter where it was.
        const truth = task === 'click' ? truthOn(where!.value, position) : 1;
        expect(Math.abs(lists!.ratio / truth - 1)).toBeLessThan(0.2);
        const [low, high] = swaps!.estimate!.interval!;
        // 24 intervals of 95 %, a fifth wider so that the seed decides nothing.
        expect(low / 1.1).toBeLessThan(truth);
        expect(high * 1.1).toBeGreaterThan(truth);
      }
    }
  });

  test('weighs the tower by where things were shown, and shows it beside', async () => {
    // Position, device, task: no bias on the phone, a half of the odds per position on the television.
    const weights = Float32Array.from({ length: 16 }, (_, i) =>
      i % 2 === 0 && i % 4 === 2 ? -Math.log(2) * Math.floor(i / 4) : 0,
    );
    const scaling = ['click', 'watch'].map((name, i) => ({ name, kind: i === 0 ? 'binary' as const : 'regression' as const, transform: 'none' as const, mean: 1e-3, deviation: 1, weight: 1 })); // prettier-ignore
    const tower = { weights, scaling };
    const of = async (options: Partial<ExamineOptions>): Promise<(number | undefined)[]> =>
      (await examined(platformLog({ requests: 400 }), { tower, ...options })).heads.map(
        ({ positions }) => positions[1]!.tower?.ratio,
      );
    const [phone, , tv] = await of({ by: 'device' });
    expect([phone, tv]).toEqual([expect.closeTo(1, 3), expect.closeTo(0.5, 2)]);
    const [both, watch] = await of({});
    expect(both).toBeCloseTo(0.75, 1);
    expect(watch).toBeUndefined();
    const alone = await examine({ definition, tower, by: 'device' });
    expect(alone.heads.map(({ positions }) => positions[1]!.tower?.ratio)).toEqual([
      expect.closeTo(1, 3),
      undefined,
      expect.closeTo(0.5, 2),
      undefined,
    ]);
  });

  test('makes labels of feedback as training does: kinds, waits, conditions, the last of several', async () => {
    const ranker: RankerDefinition = {
      ...definition,
      labels: {
        click: { on: ['click', 'open'], wait: '1m' },
        watch: { take: 'largest', wait: '1m', late: 'supplement' },
      },
    };
    const lists = Array.from({ length: 40 }, (_, i) => ({
      ...impression({ requestId: `r${i}`, userId: `u${i}`, time: start, ranker: 'small', items: ['a', 'b'] }),
      exploration: { share: 0, temperature: 1, swaps: 1, drawn: 'swap' as const, swap: { position: 2, swapped: i % 2 === 0 } }, // prettier-ignore
    }));
    const heard = (i: number, itemId: string, what: string, afterMs: number, value?: number): LoggedEvent =>
      feedback({ requestId: `r${i}`, userId: `u${i}`, itemId, eventId: `${what}${itemId}${afterMs}`, what, time: start + afterMs, value }); // prettier-ignore
    const events = lists.flatMap((list, i): LoggedEvent[] => [
      list,
      heard(i, 'a', i < 30 ? 'open' : 'like', 1000),
      // Too late for click, which is ignored; watch would be taken, but awaits a click.
      heard(i, 'b', 'click', i < 20 ? 1000 : 61_000),
      heard(i, 'b', 'watch', 2000, 5),
      heard(i, 'b', 'watch', 90_000, 15),
      heard(i, 'a', 'watch', 2000, 10),
      heard(i, 'a', 'watch', 3000, 8),
    ]);
    const { heads } = await examined(events, { definition: ranker });
    expect(heads[0]!.positions[1]!.swaps).toMatchObject({ requests: 40, outcomes: { first: 30, there: 20 } });
    expect(heads[1]!.positions[1]!.swaps).toMatchObject({ requests: 30, outcomes: { first: 300, there: 300 } });
    expect(heads[1]!.positions[1]!.swaps!.estimate!.ratio).toBeCloseTo(1.5, 6);
  });

  test('says what is missing, and how to get it', async () => {
    const say = async (events: Iterable<LoggedEvent>, options: Partial<ExamineOptions> = {}): Promise<string> =>
      statements(options.definition ?? definition, await examined(events, options), true).join('\n');
    expect(await say([])).toMatch(/no list of this ranker/);
    expect(await say(platformLog({ requests: 200, swaps: 0 }))).toMatch(
      /No request of the log drew a swap.*swaps: 0\.05/,
    );
    const thin = await say(platformLog({ requests: 500, swaps: 0.2 }));
    expect(thin).toMatch(/^click: to know every position to 20 %, about [\d,]+ more requests with a swap/);
    expect(thin).toMatch(/at the log’s share of \d+\.\d %/);
    const mute = [...platformLog({ requests: 50 })].filter(({ kind }) => kind !== 'feedback');
    expect(await say(mute)).toMatch(/click: nothing came of any item in \d+ requests with a swap/);
    const { bias: _, ...plain } = definition;
    expect(_).toBeDefined();
    expect(await say([], { definition: plain })).toMatch(/no `bias`/);
    expect(await say([], { definition: { ...plain, bias: { kind: 'input', features: ['position'] } } })).toMatch(
      /bias kind: input/,
    );
    expect(statements(definition, await examine({ definition }), false).join()).toMatch(/No log was read/);
  });

  test('is shown as a table without empty columns and as curves', async () => {
    const report = await examined(platformLog({ requests: 2000 }));
    const { columns, rows } = examinationTable(report.heads[0]!);
    expect(columns).toEqual(['position', 'shown', 'by swaps', '95 %', 'swaps', 'by lists', '95 %']);
    expect(rows[0]).toEqual(['1', '2,000', '1.000', '', '', '1.000', '']);
    expect(rows[1]![3]).toMatch(/^0\.\d{3} to \d\.\d{3}$/);
    const svg = examinationPlot(report);
    expect(svg).toContain('<svg');
    expect(svg).not.toContain('NaN');
    expect(examinationPlot(await examined([]))).toContain('<svg');
    expect(examinationTable((await examined([])).heads[0]!).rows).toHaveLength(1);
  });
});
