import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { growthMarkdown, type GrowthResult } from '../../load-tests/growth/index.js';
import { judge, summarise } from '../../load-tests/measure/index.js';
import { hasFailed, resultText, writeResult, type ScenarioResult } from '../../load-tests/report/index.js';
import { scenarioNames } from '../../load-tests/scenarios/index.js';
import { thresholds } from '../../load-tests/thresholds.js';

const machine = { cpu: 'Some CPU', cores: 2, memoryGb: 8, system: 'Linux', node: '20.0.0', loadBefore: 0.1 };
const outcomes = { ok: 99, fallback: 0, degraded: 0, refused: 1, failed: 0 };
const result = (more: Partial<ScenarioResult> = {}): ScenarioResult => ({
  ...{ scenario: 'steady', about: 'half of saturation, held', command: 'npm run load -- steady' },
  ...{ startedAt: '2026-11-22T10:00:00.000Z', seconds: 50, machine, commit: 'abc1234', quick: false },
  load: {
    seed: 1,
    candidates: 200,
    users: 10,
    items: 20,
    exponent: 1,
    arrivals: 'poisson',
    connections: 256,
    saturationPerSecond: 140,
  },
  settings: { workers: 1 },
  measures: { p99Ms: 12.5, failed: 0, rssMb: 300 },
  verdicts: judge({ p99Ms: 12.5, failed: 0 }, [
    { measure: 'p99Ms', atMost: 10, reason: 'promised' },
    { measure: 'failed', atMost: 0, reason: 'nothing fails' },
  ]),
  phases: [
    {
      name: 'held',
      seconds: 10,
      requests: 100,
      offeredPerSecond: 10,
      okPerSecond: 9.9,
      outcomes,
      latency: summarise([1, 2]),
      distribution: [],
    },
  ],
  generator: { lateMs: summarise([0.5, 1]), cpuShare: 0.02 },
  timeline: [0, 1, 2].map((second) => ({
    second,
    offered: 10,
    outcomes,
    p50Ms: 4,
    p99Ms: second === 2 ? null : 9,
    maxMs: 9,
  })),
  service: [0, 1, 2].map((second) => ({ second, rssBytes: 2 ** 28 })),
  notes: ['A note.'],
  ...more,
});

describe('a result for people', () => {
  test('says which threshold was not held and by how much, and what was', () => {
    const text = resultText(result());
    expect(text).toMatch(/^steady: not held, after 50 s\n/);
    expect(text).toContain('NOT HELD  p99Ms is 12.5, it should be at most 10: 25 % over');
    expect(text).toContain('held      failed is 0, at most 0');
    expect(text).toContain('also: rssMb 300');
    expect(hasFailed(result())).toBe(true);
  });

  test('that is invalid has failed even where all is held; one that was skipped has not', () => {
    const held = result({ verdicts: [] });
    expect(hasFailed(held)).toBe(false);
    expect(hasFailed({ ...held, invalid: 'the generator came late' })).toBe(true);
    const skipped = result({ skipped: 'java was not found', verdicts: [], phases: [], timeline: [], generator: null });
    expect(hasFailed(skipped)).toBe(false);
    expect(resultText(skipped)).toBe('steady: skipped, java was not found');
  });
});

describe('a folder of results', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'watchnext-results-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('has the numbers as they were, pictures, and an index of everything that was ever written', async () => {
    const first = result();
    await writeResult(folder, first, scenarioNames);
    expect(JSON.parse(await readFile(join(folder, 'steady.json'), 'utf8'))).toEqual(JSON.parse(JSON.stringify(first)));
    await writeResult(folder, result({ scenario: 'smoke', verdicts: [] }), scenarioNames);
    const index = await readFile(join(folder, 'README.md'), 'utf8');
    expect(index).toContain('| [smoke](#smoke) | held |');
    expect(index).toContain('| [steady](#steady) | **not held** | p99Ms is 12.5, it should be at most 10: 25 % over |');
    expect(index).toContain('2 cores of Some CPU');
    expect(index.indexOf('## smoke')).toBeLessThan(index.indexOf('## steady'));
    const files = await readdir(folder);
    for (const [, picture = ''] of index.matchAll(/\]\((.*?\.svg)\)/g)) expect(files).toContain(picture);
    expect(files.filter((name) => name.endsWith('.svg'))).toHaveLength(6);
    expect(await readFile(join(folder, 'steady-latency.svg'), 'utf8')).toMatch(/^<svg/);
  });
});

test('growth is told in a table for each thing that grows', () => {
  const point = { requestsPerSecond: 100, candidatesPerSecond: 20_000, p50Ms: 5, p99Ms: 9, failed: 0, rssMb: 300 };
  const tables: GrowthResult['tables'] = [
    {
      of: 'candidates',
      rows: [
        { size: 50, ...point },
        { size: 2000, ...point, p50Ms: 50 },
      ],
    },
    { of: 'items', rows: [{ size: 5_000_000, ...point, readyMs: 4000, rssUpdatedMb: 900 }] },
  ];
  const text = growthMarkdown({ command: 'x', startedAt: '2026-11-22', machine, commit: 'abc', quick: false, tables });
  expect(text).toContain('| 2,000 | 100 | 20,000 | 50 | 9 | 300 |');
  expect(text).toContain('| 5,000,000 | 100 | 20,000 | 5 | 9 | 300 | 4,000 | 900 |');
});

describe('thresholds', () => {
  test.each(scenarioNames)('of %s have one limit and one reason each, and none says a thing twice', (name) => {
    expect(thresholds[name].length).toBeGreaterThan(0);
    expect(thresholds[name].map(({ measure }) => measure)).toContain('failed');
    for (const { atMost, atLeast, reason } of thresholds[name]) {
      expect([atMost, atLeast].filter((limit) => limit !== undefined)).toHaveLength(1);
      expect(reason.length).toBeGreaterThan(10);
    }
    expect(new Set(thresholds[name].map(({ measure }) => measure)).size).toBe(thresholds[name].length);
  });

  test('were all measured in the results that are kept here', async () => {
    const folder = 'load-tests/results';
    for (const name of scenarioNames) {
      const text = await readFile(join(folder, `${name}.json`), 'utf8').catch(() => undefined);
      if (text === undefined) continue;
      const { measures, skipped } = JSON.parse(text) as ScenarioResult;
      if (skipped !== undefined) continue;
      expect(Object.keys(measures)).toEqual(expect.arrayContaining(thresholds[name].map(({ measure }) => measure)));
    }
  });
});
