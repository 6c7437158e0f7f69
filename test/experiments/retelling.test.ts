import { expect, jest, test } from '@jest/globals';
import { retellExposures } from '../../src/experimenting.js';
import { createExposureMemory, noExperiments, type Experiments } from '../../src/experiments/index.js';
import type { RecordedEvent } from '../../src/recording/index.js';
import { silentLogger } from '../../src/telemetry/index.js';

const minuteMs = 60_000;

test('while an experiment runs, each exposure is in the log again before its retention is over', async () => {
  jest.useFakeTimers({ now: Date.UTC(2026, 4, 1) });
  try {
    const notes = new Map<string, string>();
    const exposures = createExposureMemory({
      marks: {
        has: (group, name) => notes.has(group + name),
        add: (marks) => {
          for (const { group, name, note } of marks) notes.set(group + name, note);
          return Promise.resolve();
        },
        notes: (_, { after }) => (after === undefined ? [...notes].map(([place, note]) => ({ place, note })) : []),
        keepOnly: () => Promise.resolve(),
      },
    });
    let running = true;
    const experiments: Experiments = {
      ...noExperiments,
      status: () => ({
        ...noExperiments.status(),
        experiments: running ? [{ key: 'look', phase: '1', arms: ['control', 'bold'] }] : [],
      }),
    };
    const logged: { at: number; events: readonly RecordedEvent[] }[] = [];
    const began = Date.now();
    const retelling = retellExposures({
      exposures,
      experiments,
      recorder: { append: (events) => Promise.resolve(void logged.push({ at: Date.now() - began, events })) },
      settings: { logRetentionHours: 1 },
      logger: silentLogger,
      now: Date.now,
    });
    const time = began - 5 * minuteMs;
    const [told] = exposures.firstTimes({ id: 'u', time }, [{ experiment: 'look', arm: 'bold', phase: '1' }]);
    await jest.advanceTimersByTimeAsync(150 * minuteMs);
    expect(logged.map(({ events }) => events)).toEqual(logged.map(() => [{ kind: 'exposure', ...told }]));
    const times = [0, ...logged.map(({ at }) => at), 150 * minuteMs];
    const gaps = times.slice(1).map((at, i) => at - times[i]!);
    expect(Math.max(...gaps)).toBeLessThan(60 * minuteMs);
    expect(logged.length).toBeLessThan(6);
    const before = logged.length;
    running = false;
    await jest.advanceTimersByTimeAsync(150 * minuteMs);
    expect(logged).toHaveLength(before);
    await retelling.close();
    await exposures.close();
  } finally {
    jest.useRealTimers();
  }
});
