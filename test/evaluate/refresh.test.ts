import { beforeAll, describe, expect, test } from '@jest/globals';
import type { RankerDefinition } from '../../src/definition/index.js';
import {
  buildRefreshReport,
  evaluate,
  evaluateRefresh,
  refreshTable,
  type RefreshEvaluation,
} from '../../training/evaluate/index.js';
import { createOnnxEngine } from '../../training/fit/index.js';
import { datasetOf, hourMs, simulatedLog, smallRanker, worldStart } from '../fit/world.js';

const requests = 700;
/** Tastes turn round in the middle. */
const log = simulatedLog({ requests }).map((request, index) => {
  const [clicks, seconds] = request.labels as [Float32Array, Float32Array];
  return index < 350 ? request : { ...request, labels: [clicks.map((click) => 1 - click), seconds] };
});
const dataset = { ...datasetOf(log), span: { first: worldStart, last: worldStart + (requests - 1) * hourMs } };
const definition: RankerDefinition = {
  ...smallRanker({ batch: 16, optimizer: { kind: 'adam', rate: 0.02 } }),
  stream: { batch_span: '6h' },
};
const trainUntil = worldStart + 200 * hourMs;
const shared = { definition, dataset, engine: createOnnxEngine, trainUntil, from: trainUntil, seeds: [1] };
const dayMs = 24 * hourMs;

describe('refreshing a model', () => {
  let evaluation: RefreshEvaluation;
  let reads = 0;
  beforeAll(async () => {
    const counted: typeof dataset = {
      ...dataset,
      async *requests(range) {
        for await (const request of dataset.requests(range)) {
          reads++;
          yield request;
        }
      },
    };
    evaluation = await evaluateRefresh({ ...shared, dataset: counted, intervalsMs: [dayMs, 10 * dayMs, dayMs] });
  });

  test('is measured from never to at once, over the same rows, of a log that is read once', () => {
    expect(evaluation.refresh.map(({ intervalMs }) => intervalMs)).toEqual([Infinity, 10 * dayMs, dayMs, 0]);
    const rows = log.slice(200).reduce((sum, { candidates }) => sum + candidates.length, 0);
    for (const { tasks, periods } of evaluation.refresh) {
      expect(tasks['click']!.rows).toBe(rows);
      expect(periods).toHaveLength(3);
      expect(periods.reduce((sum, one) => sum + one.tasks['click']!.rows, 0)).toBe(rows);
    }
    expect(reads).toBe(requests);
  });

  test('pays where tastes change, the more the oftener', () => {
    const [never, seldom, daily, stream] = evaluation.refresh.map(({ tasks }) => tasks['click']!.values['auc']!);
    expect(seldom).toBeGreaterThan(never! + 0.05);
    expect(daily).toBeGreaterThan(seldom! + 0.05);
    expect(stream).toBeGreaterThan(daily!);
  });

  test('changes nothing before the first refresh', () => {
    const [never, seldom] = evaluation.refresh.map(({ periods }) => periods[0]!.tasks);
    expect(seldom).toEqual(never);
  });

  test('agrees with the evaluation of one interval', async () => {
    const frozen = await evaluate({ ...shared, baselines: [] });
    expect(evaluation.refresh[0]!.tasks['click']!.values['auc']).toBeCloseTo(frozen.tasks['click']!.values['auc']!, 12);
    const daily = await evaluate({ ...shared, baselines: [], progressiveMs: dayMs });
    // The batches of a lesson are shuffled within other chunks.
    const [one, other] = [evaluation.refresh[2]!, daily].map(({ tasks }) => tasks['click']!.values['auc']!);
    expect(Math.abs(one! - other!)).toBeLessThan(0.01);
  });

  test('is told as a table and as pictures, by name of the interval', () => {
    const { refresh, history } = evaluation;
    const table = refreshTable(definition, refresh).split('\n');
    expect(table[0]).toBe('| refreshed | click auc | watch mse | rows |');
    expect(table.slice(2).map((line) => line.split(' ')[1])).toEqual(['frozen', '10d', '1d', 'stream']);
    expect(table[2]).toContain(refresh[0]!.tasks['click']!.values['auc']!.toFixed(4));
    const { markdown, plots } = buildRefreshReport({
      definition,
      title: 'How often',
      notes: ['A note.'],
      refresh,
      history,
    });
    const links = [...markdown.matchAll(/\]\(([^)]+)\)/g)].map(([, file]) => file);
    expect(links).toEqual(['refresh.svg', 'refresh-click.svg', 'training.svg']);
    expect(new Set(plots.keys())).toEqual(new Set(links));
    expect(plots.get('refresh.svg')).toMatch(/^<svg [\s\S]*stream[\s\S]*<\/svg>$/);
  });

  test('refuses to score what it learns from, and says when there is nothing to score', async () => {
    const options = { ...shared, intervalsMs: [dayMs] };
    await expect(evaluateRefresh({ ...options, from: trainUntil - hourMs })).rejects.toMatchObject({ code: 'usage' });
    const [from, to] = [worldStart + 5000 * hourMs, worldStart + 6000 * hourMs];
    await expect(evaluateRefresh({ ...options, from, to })).rejects.toMatchObject({ code: 'data_missing' });
  });
});
