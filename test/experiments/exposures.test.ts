import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import {
  createExposureMemory,
  type ExposureMarks,
  type Exposed,
  type ToldExposure,
} from '../../src/experiments/index.js';
import { openMarks } from '../../src/features/index.js';

const exposed = (experiment: string, parts: Partial<Exposed> = {}): Exposed => ({
  experiment,
  arm: 'control',
  phase: '1',
  ...parts,
});

const time = Date.UTC(2026, 4, 1);

/** Marks in memory, which a new memory finds again. */
const createMarks = (): ExposureMarks & { readonly names: Map<string, string> } => {
  const names = new Map<string, string>();
  return {
    names,
    has: (group, name) => names.has(`${group} ${name}`),
    add: (marks) => {
      marks.forEach(({ group, name, note }) => names.set(`${group} ${name}`, note));
      return Promise.resolve();
    },
    notes: (group, { after = '', most }) =>
      [...names]
        .map(([place, note]) => ({ place, note }))
        .filter(({ place }) => place.startsWith(`${group} `) && place > after)
        .sort((a, b) => (a.place < b.place ? -1 : 1))
        .slice(0, most),
    keepOnly: (groups) => {
      for (const name of names.keys()) if (!groups.some((group) => name.startsWith(`${group} `))) names.delete(name);
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
    expect(memory.firstTimes({ id: 'u', time }, both)).toEqual(both.map((each) => ({ ...each, userId: 'u', time })));
    expect(memory.firstTimes({ id: 'u', time }, both)).toEqual([]);
    expect(memory.firstTimes({ id: 'u', time }, [...both, exposed('c')])).toEqual([
      { ...exposed('c'), userId: 'u', time },
    ]);
    expect(memory.firstTimes({ id: 'v', time }, [exposed('a')])).toHaveLength(1);
    expect(memory.firstTimes({ id: 'u', time }, [exposed('a', { phase: '2' })])).toHaveLength(1);
    expect(memory.firstTimes({ id: 'u', time }, [exposed('a', { arm: 'changed' })])).toEqual([]);
  });

  test('for a user as number and as text once, and for nobody never', () => {
    const memory = createExposureMemory();
    expect(memory.firstTimes({ id: 7, time }, [exposed('a')])).toHaveLength(1);
    expect(memory.firstTimes({ id: '7', time }, [exposed('a')])).toEqual([]);
    expect(memory.firstTimes({ id: undefined, time }, [exposed('a')])).toEqual([]);
    expect(memory.firstTimes({ id: '', time }, [exposed('a')])).toEqual([]);
  });

  test('again after a restart only if it is not on disk', async () => {
    const marks = createMarks();
    const memory = createExposureMemory({ marks });
    memory.firstTimes({ id: 'u', time }, [exposed('a')]);
    const crashed = createExposureMemory({ marks });
    expect(crashed.firstTimes({ id: 'u', time }, [exposed('a')])).toHaveLength(1);
    await memory.close();
    const restarted = createExposureMemory({ marks });
    expect(restarted.firstTimes({ id: 'u', time }, [exposed('a')])).toEqual([]);
  });
});

test('marks reach the disk some time after the exposure, all that waited together', async () => {
  jest.useFakeTimers();
  try {
    const marks = createMarks();
    const memory = createExposureMemory({ marks, delayMs: 10_000 });
    memory.firstTimes({ id: 'u', time }, [exposed('a')]);
    await jest.advanceTimersByTimeAsync(9000);
    memory.firstTimes({ id: 'v', time }, [exposed('a')]);
    expect(marks.names.size).toBe(0);
    await jest.advanceTimersByTimeAsync(1000);
    expect([...marks.names.keys()]).toEqual(['a/1 u', 'a/1 v']);
  } finally {
    jest.useRealTimers();
  }
});

test('memory is bounded: what it forgot is found on disk', async () => {
  const marks = createMarks();
  const memory = createExposureMemory({ marks, capacity: 10 });
  for (let user = 0; user < 100; user++) memory.firstTimes({ id: user, time }, [exposed('a')]);
  await memory.close();
  for (let user = 0; user < 100; user++) expect(memory.firstTimes({ id: user, time }, [exposed('a')])).toEqual([]);
  const forgetful = createExposureMemory({ capacity: 10 });
  for (let user = 0; user < 100; user++) forgetful.firstTimes({ id: user, time }, [exposed('a')]);
  expect(forgetful.firstTimes({ id: 0, time }, [exposed('a')])).toHaveLength(1);
});

test('a disk that fails loses no exposure and throws nothing', async () => {
  const broken: ExposureMarks = {
    has: () => {
      throw new Error('damaged');
    },
    add: () => Promise.reject(new Error('full')),
    notes: () => [],
    keepOnly: () => Promise.resolve(),
  };
  const warn = jest.fn();
  const memory = createExposureMemory({
    marks: broken,
    logger: { warn, error: () => {}, info: () => {}, debug: () => {} },
  });
  expect(memory.firstTimes({ id: 'u', time }, [exposed('a')])).toHaveLength(1);
  expect(memory.firstTimes({ id: 'u', time }, [exposed('a')])).toEqual([]);
  await memory.close();
  expect(warn.mock.calls.map(([, message]) => message)).toEqual([
    'marks of exposures cannot be read',
    'exposures could not be marked and may be logged again',
  ]);
});

describe('before the log forgets them, exposures are logged again', () => {
  const hour = 3_600_000;
  const remembering = () => {
    const clock = { at: time };
    const marks = createMarks();
    const memory = createExposureMemory({ marks, now: () => clock.at });
    const log: ToldExposure[] = [];
    const append = (told: readonly ToldExposure[]): Promise<void> => Promise.resolve(void log.push(...told));
    const retell = (running = [exposed('a')]): Promise<number> =>
      memory.retell({ running, loggedBefore: clock.at - hour, append });
    return { clock, marks, memory, log, retell };
  };

  test('as they were, whether their users came back or not, and then not until it is time again', async () => {
    const { clock, marks, memory, log, retell } = remembering();
    const users = Array.from({ length: 450 }, (_, user) => (user % 2 === 0 ? user : `user ${user}`));
    const told = users.flatMap((id, at) => {
      clock.at = time + at;
      return memory.firstTimes({ id, time: time - 7 * hour + at }, [exposed('a', { arm: `arm ${at % 3}` })]);
    });
    await memory.close();
    clock.at = time + hour;
    expect(await retell()).toBe(0);
    clock.at = time + hour + 300;
    expect(await retell()).toBe(300);
    clock.at = time + 2 * hour;
    expect(await retell()).toBe(150);
    expect(await retell()).toBe(0);
    const byTime = (a: ToldExposure, b: ToldExposure): number => a.time - b.time;
    expect(log.sort(byTime)).toEqual(told);
    clock.at = time + 9 * hour;
    const restarted = createExposureMemory({ marks, now: () => clock.at });
    expect(restarted.firstTimes({ id: users[0], time }, [exposed('a')])).toEqual([]);
    const again: ToldExposure[] = [];
    const append = (some: readonly ToldExposure[]): Promise<void> => Promise.resolve(void again.push(...some));
    expect(await restarted.retell({ running: [exposed('a')], loggedBefore: clock.at, append })).toBe(450);
    expect(again.sort(byTime)).toEqual(told);
  });

  test('of what runs, by phase', async () => {
    const { clock, memory, log, retell } = remembering();
    memory.firstTimes({ id: 'u', time }, [exposed('a'), exposed('a', { phase: '2' }), exposed('ab'), exposed('b')]);
    await memory.close();
    clock.at = time + 2 * hour;
    await retell([exposed('a', { phase: '2' }), exposed('b')]);
    expect(log.map(({ experiment, phase }) => `${experiment} ${phase}`)).toEqual(['a 2', 'b 1']);
  });

  test('and what the log refuses is told the next time', async () => {
    const { clock, memory, log, retell } = remembering();
    memory.firstTimes({ id: 'u', time }, [exposed('a')]);
    await memory.close();
    clock.at = time + 2 * hour;
    const append = (): Promise<void> => Promise.reject(new Error('away'));
    await expect(memory.retell({ running: [exposed('a')], loggedBefore: clock.at, append })).rejects.toThrow('away');
    expect(await retell()).toBe(1);
    expect(log).toEqual([{ ...exposed('a'), userId: 'u', time }]);
  });

  test('but for those that an earlier version marked without saying what they were', async () => {
    const { clock, marks, memory, retell } = remembering();
    await marks.add([{ group: 'a/1', name: 'u', note: '' }]);
    clock.at = time + 2 * hour;
    expect(await retell()).toBe(0);
    expect(memory.firstTimes({ id: 'u', time }, [exposed('a')])).toEqual([]);
  });
});

describe('marks on disk', () => {
  test('are there after closing; groups are dropped as a whole', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'watchnext-marks-'));
    folders.push(folder);
    let marks = openMarks(folder);
    const names = ['', '7', 'é🙂', 'x'.repeat(5000)];
    const groups = ['a/1', 'a/10', 'a/1 b', 'b/1'];
    await marks.add(groups.flatMap((group) => names.map((name) => ({ group, name, note: `${group}: ${name}` }))));
    await marks.add(Array.from({ length: 2500 }, (_, user) => ({ group: 'a/10', name: `user ${user}`, note: '' })));
    await marks.close();
    marks = openMarks(folder);
    expect(names.map((name) => marks.has('a/1', name))).toEqual([true, true, true, true]);
    expect(marks.has('a/1', '8')).toBe(false);
    expect(marks.has('a', '7')).toBe(false);
    const paged: string[] = [];
    for (let page = marks.notes('a/1', { most: 3 }); page.length > 0;) {
      paged.push(...page.map(({ note }) => note));
      page = marks.notes('a/1', { most: 3, after: page.at(-1)!.place });
    }
    expect(paged.sort()).toEqual(names.map((name) => `a/1: ${name}`).sort());
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
