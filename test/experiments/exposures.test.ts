import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { createExposureMemory, type ExposureMarks, type Exposed } from '../../src/experiments/index.js';
import { openMarks } from '../../src/features/index.js';

const exposed = (experiment: string, parts: Partial<Exposed> = {}): Exposed => ({
  experiment,
  arm: 'control',
  phase: '1',
  ...parts,
});

/** A set in memory, which a new memory finds again. */
const createMarks = (): ExposureMarks & { readonly names: Set<string> } => {
  const names = new Set<string>();
  return {
    names,
    has: (group, name) => names.has(`${group} ${name}`),
    add: (marks) => {
      marks.forEach(({ group, name }) => names.add(`${group} ${name}`));
      return Promise.resolve();
    },
    keepOnly: (groups) => {
      for (const name of names) if (!groups.some((group) => name.startsWith(`${group} `))) names.delete(name);
      return Promise.resolve();
    },
  };
};

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

describe('an exposure is new', () => {
  test('once per user, experiment and phase', () => {
    const memory = createExposureMemory();
    const both = [exposed('a'), exposed('b')];
    expect(memory.firstTimes('u', both)).toEqual(both);
    expect(memory.firstTimes('u', both)).toEqual([]);
    expect(memory.firstTimes('u', [...both, exposed('c')])).toEqual([exposed('c')]);
    expect(memory.firstTimes('v', [exposed('a')])).toHaveLength(1);
    expect(memory.firstTimes('u', [exposed('a', { phase: '2' })])).toHaveLength(1);
    expect(memory.firstTimes('u', [exposed('a', { arm: 'changed' })])).toEqual([]);
  });

  test('for a user as number and as text once, and for nobody never', () => {
    const memory = createExposureMemory();
    expect(memory.firstTimes(7, [exposed('a')])).toHaveLength(1);
    expect(memory.firstTimes('7', [exposed('a')])).toEqual([]);
    expect(memory.firstTimes(undefined, [exposed('a')])).toEqual([]);
    expect(memory.firstTimes('', [exposed('a')])).toEqual([]);
  });

  test('again after a restart only if it is not on disk', async () => {
    const marks = createMarks();
    const memory = createExposureMemory({ marks });
    memory.firstTimes('u', [exposed('a')]);
    const crashed = createExposureMemory({ marks });
    expect(crashed.firstTimes('u', [exposed('a')])).toHaveLength(1);
    await memory.close();
    const restarted = createExposureMemory({ marks });
    expect(restarted.firstTimes('u', [exposed('a')])).toEqual([]);
  });
});

test('marks reach the disk some time after the exposure, all that waited together', async () => {
  jest.useFakeTimers();
  try {
    const marks = createMarks();
    const memory = createExposureMemory({ marks, delayMs: 10_000 });
    memory.firstTimes('u', [exposed('a')]);
    await jest.advanceTimersByTimeAsync(9000);
    memory.firstTimes('v', [exposed('a')]);
    expect(marks.names.size).toBe(0);
    await jest.advanceTimersByTimeAsync(1000);
    expect([...marks.names]).toEqual(['a/1 u', 'a/1 v']);
  } finally {
    jest.useRealTimers();
  }
});

test('memory is bounded: what it forgot is found on disk', async () => {
  const marks = createMarks();
  const memory = createExposureMemory({ marks, capacity: 10 });
  for (let user = 0; user < 100; user++) memory.firstTimes(user, [exposed('a')]);
  await memory.close();
  for (let user = 0; user < 100; user++) expect(memory.firstTimes(user, [exposed('a')])).toEqual([]);
  const forgetful = createExposureMemory({ capacity: 10 });
  for (let user = 0; user < 100; user++) forgetful.firstTimes(user, [exposed('a')]);
  expect(forgetful.firstTimes(0, [exposed('a')])).toHaveLength(1);
});

test('a disk that fails loses no exposure and throws nothing', async () => {
  const broken: ExposureMarks = {
    has: () => {
      throw new Error('damaged');
    },
    add: () => Promise.reject(new Error('full')),
    keepOnly: () => Promise.resolve(),
  };
  const warn = jest.fn();
  const memory = createExposureMemory({
    marks: broken,
    logger: { warn, error: () => {}, info: () => {}, debug: () => {} },
  });
  expect(memory.firstTimes('u', [exposed('a')])).toHaveLength(1);
  expect(memory.firstTimes('u', [exposed('a')])).toEqual([]);
  await memory.close();
  expect(warn.mock.calls.map(([, message]) => message)).toEqual([
    'marks of exposures cannot be read',
    'exposures could not be marked and may be logged again',
  ]);
});

describe('marks on disk', () => {
  test('are there after closing; groups are dropped as a whole', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'watchnext-marks-'));
    folders.push(folder);
    let marks = openMarks(folder);
    const names = ['', '7', 'é🙂', 'x'.repeat(5000)];
    const groups = ['a/1', 'a/10', 'a/1 b', 'b/1'];
    await marks.add(groups.flatMap((group) => names.map((name) => ({ group, name }))));
    await marks.add(Array.from({ length: 2500 }, (_, user) => ({ group: 'a/10', name: `user ${user}` })));
    await marks.close();
    marks = openMarks(folder);
    expect(names.map((name) => marks.has('a/1', name))).toEqual([true, true, true, true]);
    expect(marks.has('a/1', '8')).toBe(false);
    expect(marks.has('a', '7')).toBe(false);
    await marks.keepOnly(['a/1', 'b/1']);
    expect(groups.map((group) => names.map((name) => marks.has(group, name)))).toEqual([
      [true, true, true, true],
      [false, false, false, false],
      [false, false, false, false],
      [true, true, true, true],
    ]);
    expect(marks.has('a/10', 'user 2499')).toBe(false);
    await marks.close();
  });
});
