import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { openEmbeddedLog, recordOf, type LoggedEvent } from '../../src/events/index.js';
import { openLogTables } from '../../training/dataset/index.js';
import {
  analyseExperiment,
  experimentReport,
  toHtml,
  toMarkdown,
  verdicts,
  type AnalysisOptions,
  type ExperimentAnalysis,
} from '../../training/experiments/index.js';
import { feedback, impression } from '../events/events.js';
import { memoryLog } from '../join/memory-log.js';
import { dayMs, experimentEvents, metricsDefinition, start } from './experiment-log.js';

const watching = '  watch_time: {of: watch, take: sum, direction: up}';
const analysed = async (
  events: readonly LoggedEvent[],
  options: Partial<Omit<AnalysisOptions, 'tables'>> = {},
): Promise<ExperimentAnalysis> => {
  const log = memoryLog(2);
  await log.log(events);
  const tables = await openLogTables({ log, threads: 1 });
  try {
    return await analyseExperiment({
      tables,
      definition: metricsDefinition(watching),
      experiment: 'longer',
      ...options,
    });
  } finally {
    await tables.close();
  }
};
const measured = (analysis: ExperimentAnalysis, metric = 0, arm = 0) => {
  const comparison = analysis.metrics[metric]!.comparisons[arm]!;
  if (comparison.kind !== 'measured') throw new Error(comparison.because);
  return comparison;
};
const covers = ([low, high]: readonly [number, number], truth: number): boolean => low <= truth && truth <= high;
/** Everything a person or a program can read of it. */
const readable = (analysis: ExperimentAnalysis): string =>
  JSON.stringify(analysis) + toMarkdown(experimentReport(analysis)).markdown + toHtml(experimentReport(analysis));

describe('an effect that is there', () => {
  const planted = analysed(experimentEvents({ seed: 3, users: 800, arms: { control: 1, long: 1.25 } }), {
    planned: { shares: { control: 1, long: 1 } },
  });

  test('is found, in every form of interval, and said in a sentence', async () => {
    const analysis = await planted;
    const { relative, adjusted, best } = measured(analysis);
    for (const judged of [relative!, adjusted!]) {
      expect(covers(judged.fixed.interval, 0.25)).toBe(true);
      expect(covers(judged.sequential.interval, 0.25)).toBe(true);
      expect(judged.sequential.interval[0]).toBeLessThan(judged.fixed.interval[0]);
    }
    expect(best).toBe(adjusted);
    expect(verdicts(analysis)).toEqual([
      {
        metric: 'watch_time',
        arm: 'long',
        finding: 'better',
        text: expect.stringMatching(/^long raises watch time per user by \d+\.\d % \(\d+\.\d to \d+\.\d\)$/),
      },
    ]);
  });

  test('is told more closely with what was known of the users before', async () => {
    const { relative, adjusted } = measured(await planted);
    const explained = (await planted).metrics[0]!.explained!;
    expect(explained).toBeGreaterThan(0.15);
    expect(adjusted!.standardError / relative!.standardError).toBeCloseTo(Math.sqrt(1 - explained), 1);
  });

  test('shows over time, with intervals that close in', async () => {
    const { points } = (await planted).metrics[0]!.series[0]!;
    expect(points.length).toBeGreaterThan(4);
    const widths = points.map(({ sequential: [low, high] }) => high - low);
    expect(widths.at(-1)).toBeLessThan(widths[0]! / 1.5);
    expect(points.at(-1)!.value).toBeCloseTo(measured(await planted).best.value, 9);
  });

  test('makes a report with tables and pictures, in Markdown and in one HTML file', async () => {
    const blocks = experimentReport(await planted, ['Read from a test.']);
    const { markdown, pictures } = toMarkdown(blocks, 'longer-');
    expect(markdown).toContain('# Experiment longer');
    expect(markdown).toContain('long raises watch time per user by');
    expect(markdown).toContain('| watch time per user | control |');
    expect([...pictures.keys()]).toEqual(['longer-watch_time-long.svg']);
    expect(toHtml(blocks)).toMatch(/<svg[^>]*>[^]*<\/svg>/);
    expect(readable(await planted)).not.toMatch(/NaN|undefined|Infinity/);
  });
});

test('arms that do the same show nothing, over many logs: A/A', async () => {
  const seeds = Array.from({ length: 8 }, (_, i) => 100 + i);
  let covered = 0;
  for (const seed of seeds) {
    const analysis = await analysed(experimentEvents({ seed, users: 150, arms: { control: 1, same: 1 } }));
    expect(verdicts(analysis)[0]!.finding).toBe('early');
    expect(analysis.sampleRatio!.alarm).toBe(false);
    covered += Number(covers(measured(analysis).best.fixed.interval, 0));
  }
  expect(covered).toBeGreaterThanOrEqual(7);
});

test('says how many more users it would take, and how long they take to come', async () => {
  const analysis = await analysed(experimentEvents({ seed: 5, users: 300, arms: { control: 1, same: 1 } }), {
    worthwhile: 0.05,
  });
  const [{ text } = { text: '' }] = verdicts(analysis);
  expect(text).toMatch(
    /^too early to say of watch time per user: same is at [+−]\d+\.\d % \(.*\); about [\d,]+ more users, \d+ days at \d+ a day, would tell 5\.0 %$/,
  );
  // 300 users came in the three of six days.
  expect(analysis.usersPerDay).toBeGreaterThan(45);
  expect(analysis.usersPerDay).toBeLessThan(75);
});

describe('every kind of metric', () => {
  const day = start + 1000;
  const lists = (arm: string, users: number, per: (user: number) => LoggedEvent[]): LoggedEvent[] =>
    Array.from({ length: users }, (_, user): LoggedEvent[] => [
      { kind: 'exposure', time: day, userId: `${arm}${user}`, experiment: 'longer', arm, phase: '1' },
      ...per(user),
    ]).flat();
  /** A field may be called anything. */
  const odd = 'length, "in~s/s" ';
  const listOf = (userId: string, n: number, items: readonly string[]): LoggedEvent =>
    impression({
      time: day + n,
      requestId: `${userId}/${n}`,
      userId,
      items,
      arms: {},
      fields: {
        user: {},
        context: {},
        candidates: items.map((_, i) => ({ duration: 100 * (i + 1), [odd]: 100 * (i + 1) })),
      },
    });
  const told = (userId: string, n: number, itemId: string, what: string, value?: number, at = 0): LoggedEvent =>
    feedback({
      time: day + n + 10 + at,
      eventId: `${what}${itemId}${at}`,
      requestId: `${userId}/${n}`,
      userId,
      itemId,
      what,
      value,
    });
  /** A user whose number is odd clicks twice on "a", watches it with heartbeats of 10, 40 and 30 seconds, and "b" for 50. */
  const events = ['control', 'b'].flatMap((arm) =>
    lists(arm, 4, (user) => {
      const userId = `${arm}${user}`;
      const shown = [listOf(userId, 0, ['a', 'b']), listOf(userId, 1, ['a', 'b', 'c', 'd'])];
      if (user % 2 === 0) return shown;
      return [
        ...shown,
        told(userId, 0, 'a', 'click'),
        told(userId, 0, 'a', 'click', undefined, 1),
        told(userId, 0, 'b', 'click'),
        told(userId, 0, 'a', 'watch', 10, 1),
        told(userId, 0, 'a', 'watch', 40, 2),
        told(userId, 0, 'a', 'watch', 30, 3),
        told(userId, 0, 'b', 'watch', 50, 4),
      ];
    }),
  );

  test.each([
    ['of: click, take: count', 3 / 2],
    ['of: click, take: count, several: last', 2 / 2],
    ['of: click, take: any', 1 / 2],
    ['of: click, take: count, per: request', 3 / 4],
    ['of: click, take: any, per: request', 1 / 4],
    ['of: click, take: count, per: impression', 3 / 12],
    ['of: click, take: any, per: impression', 2 / 12],
    ['of: watch, take: sum', 130 / 2],
    ['of: watch, take: sum, several: largest', 90 / 2],
    ['of: watch, take: sum, several: last', 80 / 2],
    ['of: watch, take: mean', 130 / 4],
    ['of: watch, take: mean, several: largest', 90 / 2],
    ['of: watch, take: mean, several: last, over: duration', (0.3 + 0.25) / 2],
    ['of: [watch, click], take: count', 7 / 2],
    [`of: watch, take: sum, several: last, over: 'length, "in~s/s" '`, (0.3 + 0.25) / 2],
  ])('%s is %d', async (metric, mean) => {
    const analysis = await analysed(events, { definition: metricsDefinition(`  m: {${metric}, direction: up}`) });
    for (const arm of analysis.metrics[0]!.arms) expect(arm.mean).toBeCloseTo(mean, 12);
  });
});

describe('which users and events count', () => {
  const exposure = (userId: string, arm: string, time: number, phase = '1'): LoggedEvent => ({
    kind: 'exposure',
    time,
    userId,
    experiment: 'longer',
    arm,
    phase,
  });
  const click = (userId: string, time: number, arms: Record<string, string> = {}): LoggedEvent[] => [
    impression({ time, requestId: `${userId}@${time}`, userId, arms }),
    feedback({ time: time + 5, eventId: 'c', requestId: `${userId}@${time}`, userId, what: 'click', value: undefined }),
  ];
  const definition = metricsDefinition('  clicks: {of: click, take: count, direction: up}');
  const meansOf = (analysis: ExperimentAnalysis): unknown =>
    Object.fromEntries(analysis.metrics[0]!.arms.map(({ arm, users, mean }) => [arm, [users, mean]]));
  const both = (arm: string, users: readonly string[]): LoggedEvent[] =>
    users.flatMap((user) => [exposure(user, arm, start), ...click(user, start)]);

  test('from the first exposure on, not feedback on a list from before it', async () => {
    const events = [
      ...both('a', ['a1', 'a2']),
      ...both('b', ['b1', 'b2']),
      ...click('b1', start - 10),
      ...click('b1', start - 2),
      exposure('b1', 'b', start + 50),
      ...click('b1', start + 60),
    ];
    expect(meansOf(await analysed(events, { definition }))).toEqual({ a: [2, 1], b: [2, 1.5] });
  });

  test('users who saw two arms count in none, whether exposures or lists say so', async () => {
    const events = [
      ...both('a', ['a1', 'a2', 'x', 'y']),
      ...both('b', ['b1', 'b2']),
      exposure('x', 'b', start + 5),
      ...click('y', start + 9, { longer: 'b' }),
      ...click('a1', start + 9, { longer: 'a' }),
    ];
    const analysis = await analysed(events, { definition });
    expect(meansOf(analysis)).toEqual({ a: [2, 1.5], b: [2, 1] });
    expect(analysis.mixed).toBe(2);
    expect(toMarkdown(experimentReport(analysis)).markdown).toContain('2 users (33.3 % of all) saw more than one arm');
  });

  test('of the newest phase, or of one that is named, until the next begins', async () => {
    const later = start + 10 * dayMs;
    const events = [
      ...both('a', ['a1', 'a2']),
      ...both('b', ['b1', 'b2']),
      ...['a1', 'a2', 'b1', 'b2'].flatMap((user) => [
        exposure(user, user.startsWith('a') ? 'b' : 'a', later, '2'),
        ...click(user, later),
        ...click(user, later + 100),
      ]),
    ];
    const newest = await analysed(events, { definition });
    expect([newest.phase, newest.phases, newest.mixed]).toEqual(['2', ['1', '2'], 0]);
    expect(meansOf(newest)).toEqual({ a: [2, 2], b: [2, 2] });
    const first = await analysed(events, { definition, phase: '1' });
    expect(meansOf(first)).toEqual({ a: [2, 1], b: [2, 1] });
    // What users did under the first phase is no time without the experiment.
    expect(newest.metrics[0]!.explained).toBeUndefined();
    await expect(analysed(events, { phase: '3' })).rejects.toMatchObject({
      code: 'data_missing',
      problems: [{ path: '--phase', hint: expect.stringContaining('1, 2') }],
    });
  });

  test('within the times asked for', async () => {
    const events = [
      ...both('a', ['a1', 'a2']),
      ...both('b', ['b1', 'b2']),
      ...['a1', 'b1'].flatMap((user) => [...click(user, start + dayMs), ...click(user, start + 3 * dayMs)]),
    ];
    const means = meansOf(await analysed(events, { definition, from: start + 1000, to: start + 2 * dayMs }));
    expect(means).toEqual({ a: [2, 0.5], b: [2, 0.5] });
  });
});

describe('where there is nothing to judge by it is said, never NaN', () => {
  const exposures = (arms: Readonly<Record<string, number>>): LoggedEvent[] =>
    Object.entries(arms).flatMap(([arm, users]) =>
      Array.from({ length: users }, (_, user): LoggedEvent[] => [
        { kind: 'exposure', time: start, userId: `${arm}${user}`, experiment: 'longer', arm, phase: '1' },
        impression({ time: start, requestId: `${arm}${user}`, userId: `${arm}${user}`, arms: {} }),
      ]).flat(),
    );
  const clicks = (arm: string, users: number): LoggedEvent[] =>
    Array.from({ length: users }, (_, user) =>
      feedback({ time: start + 5, requestId: `${arm}${user}`, userId: `${arm}${user}`, what: 'watch', value: 9 }),
    );
  test.each([
    ['one arm', exposures({ a: 5 }), /There is only one arm, a/],
    ['one user in an arm', exposures({ a: 5, b: 1 }), /b has one user, and it takes two/],
    ['nothing that happened', exposures({ a: 5, b: 5 }), /nothing that it counts \(watch\) has happened/],
    [
      'users who all did the same',
      [...exposures({ a: 3, b: 3 }), ...clicks('a', 3), ...clicks('b', 3)],
      /all users of an arm have the same value/,
    ],
    [
      'a control that did nothing',
      [...exposures({ a: 30, b: 30 }), ...clicks('b', 9)],
      /too early to say of watch time/,
    ],
  ])('%s', async (_, events, text) => {
    const analysis = await analysed(events);
    expect(toMarkdown(experimentReport(analysis)).markdown).toMatch(text);
    expect(readable(analysis)).not.toMatch(/NaN|undefined|Infinity/);
  });

  test('a ratio without a denominator', async () => {
    const definition = metricsDefinition('  seen: {of: watch, take: mean, direction: up}');
    const analysis = await analysed(exposures({ a: 3, b: 3 }), { definition });
    expect(verdicts(analysis)[0]!.text).toBe('nothing can be said of seen: a has no such feedback yet');
  });

  test('an empty log, and an experiment or control that it does not know', async () => {
    await expect(analysed([])).rejects.toMatchObject({
      code: 'data_missing',
      problems: [{ message: 'nobody in this log was exposed to any experiment' }],
    });
    await expect(analysed(exposures({ a: 2 }), { experiment: 'langer' })).rejects.toMatchObject({
      code: 'data_missing',
      problems: [{ hint: expect.stringContaining('did you mean longer?') }],
    });
    await expect(analysed(exposures({ control: 2, b: 2 }), { control: 'contrl' })).rejects.toMatchObject({
      problems: [{ path: '--control', hint: expect.stringContaining('did you mean control?') }],
    });
  });
});

describe('what must not be overlooked', () => {
  test('a split that is not as planned is an alarm before everything else', async () => {
    const lopsided = experimentEvents({ seed: 8, users: 500, arms: { control: 1, b: 1 }, shares: [0.6, 0.4], days: 2 });
    const alarmed = await analysed(lopsided, { planned: { shares: { control: 1, b: 1 } } });
    expect(alarmed.sampleRatio!.alarm).toBe(true);
    expect(toMarkdown(experimentReport(alarmed)).markdown).toContain('trust nothing below');
    const planned = await analysed(lopsided, { planned: { shares: { control: 60, b: 40 } } });
    expect(planned.sampleRatio).toMatchObject({ alarm: false, given: true });
    expect(planned.arms.map(({ share }) => share)).toEqual([0.6, 0.4]);
  });

  test('a guardrail that is broken, and one that holds', async () => {
    const definition = metricsDefinition(`  watch_time: {of: watch, take: sum, direction: up, guardrail: 0.05}
  clicks: {of: click, take: count, direction: down, guardrail: 0.9}`);
    const events = experimentEvents({ seed: 9, users: 700, arms: { control: 1, short: 0.6 } });
    const analysis = await analysed(events, { definition });
    expect(measured(analysis, 0).guardrail!.state).toBe('broken');
    expect(measured(analysis, 1).guardrail!.state).toBe('held');
    expect(verdicts(analysis)[0]).toMatchObject({ finding: 'worse', text: expect.stringMatching(/^short lowers/) });
    expect(toMarkdown(experimentReport(analysis)).markdown).toMatch(/watch time per user \| short \| 5\.0 % \| BROKEN/);
  });

  test('several arms and metrics are corrected for being several', async () => {
    const definition = metricsDefinition();
    const events = experimentEvents({ seed: 10, users: 200, arms: { control: 1, b: 1.1, c: 1 } });
    const analysis = await analysed(events, { definition });
    const all = analysis.metrics.flatMap(({ comparisons }, metric) =>
      comparisons.map((_, arm) => measured(analysis, metric, arm)),
    );
    expect(all).toHaveLength(6);
    const smallest = Math.min(...all.map(({ best }) => best.fixed.pValue));
    const first = all.find(({ best }) => best.fixed.pValue === smallest)!;
    const holm = await analysed(events, { definition, correction: 'holm' });
    expect(first.corrected.fixed).toBeGreaterThanOrEqual(smallest);
    // Looked for again: the last digits of sums depend on the order in which the database adds up.
    const inHolm = holm.metrics
      .flatMap(({ comparisons }, metric) => comparisons.map((_, arm) => measured(holm, metric, arm)))
      .reduce((least, each) => (each.best.fixed.pValue < least.best.fixed.pValue ? each : least));
    expect(inHolm.best.fixed.pValue).toBeCloseTo(smallest, 10);
    expect(inHolm.corrected.fixed).toBeCloseTo(Math.min(1, 6 * smallest), 10);
  });
});

describe('where retention took the beginning', () => {
  const world = experimentEvents({ seed: 11, users: 400, arms: { control: 1, long: 1.25 }, days: 12 });
  const exposures = world.filter(({ kind }) => kind === 'exposure');
  const users = exposures.length;
  const cutAt = start + 5 * dayMs;

  /** An embedded log that keeps five days, of events as they came and with exposures told again on some days. */
  const kept = async (
    told: readonly { readonly at: number; readonly events: readonly LoggedEvent[] }[],
    work: (analysis: ExperimentAnalysis) => void,
  ): Promise<void> => {
    const directory = mkdtempSync(join(tmpdir(), 'watchnext-retention-'));
    const clock = { at: start };
    const log = await openEmbeddedLog({
      directory,
      partitions: 2,
      retention: { ageMs: 5 * dayMs },
      writes: ['events'],
      now: () => clock.at,
    });
    try {
      for (let day = -6; day < 12; day++) {
        clock.at = start + day * dayMs;
        const until = clock.at + dayMs;
        const marker: LoggedEvent = { kind: 'marker', time: clock.at };
        const today = [
          ...told.filter(({ at }) => at >= clock.at && at < until).flatMap(({ events }) => events),
          ...world.filter(({ time }) => time >= clock.at && time < until),
        ];
        await log.append('events', [recordOf(marker, 0), recordOf(marker, 1)]);
        await log.append(
          'events',
          today.flatMap((each) => (each.kind === 'marker' ? [] : [recordOf(each)])),
        );
      }
      const tables = await openLogTables({ log, threads: 1 });
      try {
        const definition = metricsDefinition(watching);
        work(
          await analyseExperiment({
            tables,
            definition,
            experiment: 'longer',
            planned: { shares: { control: 1, long: 1 } },
          }),
        );
      } finally {
        await tables.close();
      }
    } finally {
      await log.close();
      rmSync(directory, { recursive: true });
    }
  };

  test('users whose exposures were told again are in their arms, with what they did since', async () => {
    const told = [start + 4 * dayMs, start + 8 * dayMs].map((at) => ({ at, events: exposures }));
    await kept(told, (analysis) => {
      const { dropped, from, arms } = analysis;
      expect(arms.reduce((sum, arm) => sum + arm.users, 0)).toBe(users);
      expect(dropped).toMatchObject({ from: Math.min(...exposures.map(({ time }) => time)), to: from, unexposed: 0 });
      expect(from).toBeGreaterThan(cutAt);
      expect(from).toBeLessThan(cutAt + 2 * dayMs);
      expect(analysis.usersPerDay).toBe(0);
      const control = analysis.metrics[0]!.arms[0]!;
      const armOf = new Map(
        exposures.map((each) => (each.kind === 'exposure' ? [String(each.userId), each.arm] : [])) as [
          string,
          string,
        ][],
      );
      const watched = world.reduce(
        (sum, each) =>
          each.kind === 'feedback' &&
          each.what === 'watch' &&
          each.time >= from &&
          armOf.get(String(each.userId)) === 'control'
            ? sum + each.value!
            : sum,
        0,
      );
      expect(control.mean).toBeCloseTo(watched / control.users, 6);
      expect(covers(measured(analysis).relative!.sequential.interval, 0.25)).toBe(true);
      const text = toMarkdown(experimentReport(analysis)).markdown;
      expect(text).toContain('Retention took the beginning: what happened from 2026-05-01');
      expect(text).not.toContain('no exposure in the log');
    });
  });

  test('what users did under an arm is not taken for the time before it', async () => {
    // Told with the time at which they came back, as if that were the first: lists under the arm say otherwise.
    const late = exposures.map((each) => ({ ...each, time: start + 11 * dayMs }));
    await kept([{ at: start + 11 * dayMs, events: late }], (analysis) => {
      const [control] = analysis.metrics[0]!.arms;
      expect(control!.users).toBeGreaterThan(0);
      expect(analysis.metrics[0]!.explained ?? 0).toBe(0);
    });
  });

  test('users without an exposure are counted and said to be missing', async () => {
    const some = exposures.filter((_, at) => at % 2 === 0);
    await kept([{ at: start + 8 * dayMs, events: some }], (analysis) => {
      expect(analysis.arms.reduce((sum, arm) => sum + arm.users, 0)).toBe(some.length);
      expect(analysis.dropped?.unexposed).toBe(users - some.length);
      expect(readable(analysis)).toContain(
        `${users - some.length} users were answered under an arm and have no exposure`,
      );
    });
  });

  test('a log that has everything says nothing of it', async () => {
    const analysis = await analysed(world);
    expect(analysis.dropped).toBeUndefined();
    expect(readable(analysis)).not.toContain('Retention');
  });
});
