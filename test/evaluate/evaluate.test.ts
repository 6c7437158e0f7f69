import { describe, expect, test } from '@jest/globals';
import { buildReport, evaluate, metricTables, type Evaluation } from '../../training/evaluate/index.js';
import { areaUnderCurve } from '../../training/metrics/index.js';
import type { EngineFactory } from '../../training/fit/index.js';
import { LinearEngine } from '../fit/linear-engine.js';
import { datasetOf, hourMs, simulatedLog, smallRanker, worldStart } from '../fit/world.js';

const log = simulatedLog({ requests: 400 });
const dataset = { ...datasetOf(log), span: { first: worldStart, last: worldStart + 399 * hourMs } };
const definition = smallRanker();
const trainUntil = worldStart + 300 * hourMs;
const engine: EngineFactory = (options) => Promise.resolve(new LinearEngine(options));
const run = (more: Partial<Parameters<typeof evaluate>[0]> = {}): Promise<Evaluation> =>
  evaluate({ definition, dataset, engine, trainUntil, from: trainUntil, seeds: [1], ...more });

const rowsOf = (from: number, to: number): number =>
  log.filter(({ time }) => time >= from && time < to).reduce((rows, { candidates }) => rows + candidates.length, 0);

describe('an evaluation', () => {
  test('scores every row after the training part once, day by day', async () => {
    const { tasks, periods } = await run();
    expect(tasks['click']!.rows).toBe(rowsOf(trainUntil, Infinity));
    expect(periods.map(({ tasks: { click } }) => click!.rows)).toEqual(periods.map(({ from, to }) => rowsOf(from, to)));
    expect(periods).toHaveLength(Math.ceil(100 / 24));
    expect(tasks['watch']!.rows).toBeLessThan(tasks['click']!.rows);
  });

  test('finds what is there to learn, and the constant baseline nothing', async () => {
    const { tasks, baselines } = await run();
    expect(tasks['click']!.values['auc']).toBeGreaterThan(0.6);
    expect(baselines.constant!['click']!.values['auc']).toBe(0.5);
    expect(baselines.rates!['click']!.values['auc']).toBeGreaterThan(0.55);
    expect(baselines.single_task).toBeDefined();
  });

  test('of rates equals a count by hand, frozen at the start of each period', async () => {
    const { baselines, periods } = await run({ baselines: ['rates'] });
    const scores: number[] = [];
    const labels: number[] = [];
    for (const { from, to } of periods) {
      const before = log.filter(({ time }) => time < from);
      const clicks = before.flatMap(({ user, candidates, labels: [click] }) =>
        candidates.map((candidate, row) => ({ user: user['user_id'], item: candidate['item_id'], y: click![row]! })),
      );
      const overall = clicks.reduce((sum, { y }) => sum + y, 0) / clicks.length;
      const smoothed = (rows: typeof clicks): number =>
        (rows.reduce((sum, { y }) => sum + y, 0) + 20 * overall) / (rows.length + 20);
      for (const request of log.filter(({ time }) => time >= from && time < to)) {
        for (const [row, candidate] of request.candidates.entries()) {
          const ofUser = smoothed(clicks.filter(({ user }) => user === request.user['user_id']));
          const ofItem = smoothed(clicks.filter(({ item }) => item === candidate['item_id']));
          scores.push(Math.fround((ofUser + ofItem) / 2));
          labels.push(request.labels[0]![row]!);
        }
      }
    }
    const expected = areaUnderCurve(Float64Array.from(scores), Float64Array.from(labels)).value;
    expect(baselines.rates!['click']!.values['auc']).toBeCloseTo(expected, 3);
  });

  test('learns each period after it was scored, when progressive', async () => {
    const engines: LinearEngine[] = [];
    const counted: EngineFactory = (options) => {
      const made = new LinearEngine(options);
      engines.push(made);
      return Promise.resolve(made);
    };
    await run({ engine: counted, baselines: [] });
    const progressive = await run({ engine: counted, baselines: [], progressiveMs: 24 * hourMs });
    const [frozen, learning] = engines.map(({ steps }) => steps.reduce((rows, step) => rows + step.rows, 0));
    const last = progressive.periods.at(-1)!;
    expect(learning! - frozen!).toBe(rowsOf(trainUntil, last.from));
    expect(progressive.periods).toHaveLength(5);
  });

  test('means over seeds come with their spread', async () => {
    const [one, two, both] = [await run({ seeds: [1] }), await run({ seeds: [2] }), await run({ seeds: [1, 2] })];
    const [a, b] = [one, two].map(({ tasks }) => tasks['click']!.values['logLoss']!) as [number, number];
    expect(both.tasks['click']!.values['logLoss']).toBeCloseTo((a + b) / 2, 12);
    expect(both.tasks['click']!.spread['logLoss']).toBeCloseTo(Math.abs(a - b) / Math.SQRT2, 12);
  });

  test('refuses to score what it learns from, and says when there is nothing to score', async () => {
    await expect(run({ from: trainUntil - hourMs })).rejects.toMatchObject({ code: 'usage' });
    await expect(run({ from: worldStart + 5000 * hourMs, to: worldStart + 6000 * hourMs })).rejects.toMatchObject({
      code: 'data_missing',
    });
    const phases: string[] = [];
    await run({ from: worldStart + 5000 * hourMs, onProgress: ({ phase }) => void phases.push(phase) }).catch(() => 0);
    expect(phases).toEqual([]);
  });

  test('reads nothing where the times cannot be right: no row to train on, or the end before the beginning', async () => {
    const phases: string[] = [];
    const onProgress = ({ phase }: { readonly phase: string }): void => void phases.push(phase);
    await expect(run({ trainUntil: worldStart - hourMs, onProgress })).rejects.toMatchObject({
      code: 'data_missing',
      problems: [{ path: '--train-until', hint: expect.stringMatching(/^the log runs from \d{4}-/) }],
    });
    await expect(run({ to: trainUntil, onProgress })).rejects.toMatchObject({
      code: 'usage',
      problems: [{ path: '--to' }],
    });
    expect(phases).toEqual([]);
  });
});

describe('a report', () => {
  test('holds the measures of the model and the baselines, and a picture for every link', async () => {
    const scored = await run();
    const { markdown, plots } = buildReport({
      definition,
      title: 'Evaluation of small',
      notes: ['A note.'],
      history: scored.history,
      scored,
      utilisation: [
        [0.25, 0.75],
        [0.5, 0.5],
      ],
    });
    const links = [...markdown.matchAll(/\]\(([^)]+)\)/g)].map(([, file]) => file);
    expect(new Set(links)).toEqual(new Set(plots.keys()));
    expect([...plots.keys()]).toEqual(
      expect.arrayContaining(['periods.svg', 'training.svg', 'experts.svg', 'calibration-click.svg']),
    );
    for (const svg of plots.values()) expect(svg).toMatch(/^<svg [\s\S]*<\/svg>$/);
    expect(markdown).toContain('| click | rates |');
    expect(markdown).toContain('- **groupedAuc**: ');
    expect(metricTables(definition, scored)).toHaveLength(2);
  });

  test('says so when nothing was held out', async () => {
    const { history } = await run();
    const { markdown } = buildReport({ definition, title: 'Training', notes: [], history });
    expect(markdown).toContain('Nothing was held out');
  });
});
