import { getEventListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import type { FeatureBatch } from '../../src/features/index.js';
import { createBatcher, type BatchLimits, type Batcher, type Runner } from '../../src/inference/batcher.js';
import { ThreadDied } from '../../src/inference/thread.js';
import { createMetrics, type Metrics } from '../../src/telemetry/index.js';

/** One request with these rows; a row's only head is its value. */
const batchOf = (...values: readonly number[]): FeatureBatch => ({
  requests: 1,
  rows: values.length,
  requestOf: new Int32Array(values.length),
  columns: new Map([
    ['value', { side: 'candidate', type: 'numbers', width: 1, values: Float32Array.from(values) } as const],
  ]),
});
const rowsOf = (rows: number, value = 1): FeatureBatch => batchOf(...new Array<number>(rows).fill(value));
const valuesOf = ({ columns }: FeatureBatch): number[] => {
  const column = columns.get('value');
  return column?.type === 'numbers' ? [...column.values] : [];
};

interface Run {
  readonly model: number;
  /** The values of each batch. */
  readonly batches: number[][];
  finish(ms?: number): Promise<void>;
  fail(error: Error): Promise<void>;
}

/** A thread that runs when the test says so. */
class FakeRunner implements Runner {
  readonly runs: Run[] = [];
  run: Runner['run'] = (model, batches) =>
    new Promise((resolve, reject) => {
      const values = batches.map(valuesOf);
      this.runs.push({
        model,
        batches: values,
        finish: async (ms = 1) => {
          resolve({ heads: Float32Array.from(values.flat()), encodeMs: 0, runMs: ms });
          await settled();
        },
        fail: async (error) => {
          reject(error);
          await settled();
        },
      });
    });
  get last(): Run {
    return this.runs.at(-1)!;
  }
}
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface World {
  readonly batcher: Batcher;
  readonly runner: FakeRunner;
  readonly metrics: Metrics;
  readonly clock: { ms: number; readonly calls: { at: number; call: () => void }[] };
}

const world = (limits: Partial<BatchLimits> = {}): World => {
  const clock: World['clock'] = { ms: 0, calls: [] };
  const metrics = createMetrics();
  const batcher = createBatcher({
    limits: { rows: 10, waitUs: 0, ...limits },
    metrics,
    now: () => clock.ms,
    after: (ms, call) => {
      const timer = { at: clock.ms + ms, call };
      clock.calls.push(timer);
      return () => void clock.calls.splice(clock.calls.indexOf(timer), 1);
    },
  });
  const runner = new FakeRunner();
  batcher.add(runner);
  return { batcher, runner, metrics, clock };
};
const reasonOf = (scores: Promise<unknown>): Promise<unknown> =>
  scores.then(
    () => 'scored',
    (error: unknown) => (error as { reason?: string }).reason ?? (error as Error).message,
  );

describe('what finds a thread free', () => {
  test('is sent at once, alone', async () => {
    const { batcher, runner } = world({ waitUs: 50_000 });
    const scores = batcher.score(1, batchOf(1, 2));
    expect(runner.runs.map(({ batches }) => batches)).toEqual([[[1, 2]]]);
    await runner.last.finish();
    expect([...(await scores).heads]).toEqual([1, 2]);
  });

  test('goes to the thread that has the least to do', () => {
    const { batcher, runner } = world();
    const other = new FakeRunner();
    batcher.add(other);
    void batcher.score(1, batchOf(1));
    void batcher.score(1, batchOf(2));
    expect([runner.runs.length, other.runs.length]).toEqual([1, 1]);
  });
});

describe('while the thread is busy', () => {
  test('requests meet, up to as many rows as a run may have, and each gets its own scores', async () => {
    const { batcher, runner, metrics } = world({ rows: 6 });
    void batcher.score(1, batchOf(0));
    const waiting = [batchOf(1, 2), batchOf(3), batchOf(4, 5), batchOf(6, 7)].map((each) => batcher.score(1, each));
    await runner.runs[0]!.finish();
    expect(runner.runs[1]!.batches).toEqual([[1, 2], [3], [4, 5]]);
    await runner.runs[1]!.finish();
    await runner.runs[2]!.finish();
    expect((await Promise.all(waiting)).map(({ heads }) => [...heads])).toEqual([[1, 2], [3], [4, 5], [6, 7]]);
    const text = await metrics.scrape();
    expect(text).toContain('watchnext_batch_requests_sum 5');
    expect(text).toContain('watchnext_batch_rows_sum 8');
    expect(text).toContain('watchnext_queue_seconds_count 5');
  });

  test('a full run is sent ahead, one that is not waits for the thread', () => {
    const { batcher, runner } = world({ rows: 4 });
    void batcher.score(1, rowsOf(4));
    void batcher.score(1, rowsOf(2));
    expect(runner.runs).toHaveLength(1);
    void batcher.score(1, rowsOf(2));
    expect(runner.runs.map(({ batches }) => batches.length)).toEqual([1, 2]);
    void batcher.score(1, rowsOf(4));
    expect(runner.runs).toHaveLength(2);
  });

  test('one that is larger than a run goes alone', async () => {
    const { batcher, runner } = world({ rows: 4 });
    void batcher.score(1, rowsOf(1));
    void batcher.score(1, rowsOf(9));
    await runner.last.finish();
    expect(runner.last.batches.map((each) => each.length)).toEqual([9]);
  });

  test('requests of different models do not meet', async () => {
    const { batcher, runner } = world();
    void batcher.score(1, batchOf(0));
    for (const model of [1, 2, 1]) void batcher.score(model, batchOf(model));
    await runner.runs[0]!.finish();
    await runner.runs[1]!.finish();
    expect(runner.runs.map(({ model, batches }) => [model, batches.length])).toEqual([
      [1, 1],
      [1, 2],
      [2, 1],
    ]);
  });

  test('what waited anyway may wait a little more for company, and no longer than it is told to', async () => {
    const { batcher, runner, clock } = world({ rows: 4, waitUs: 2000 });
    void batcher.score(1, batchOf(0));
    void batcher.score(1, batchOf(1));
    clock.ms = 0.5;
    await runner.last.finish();
    expect(runner.runs).toHaveLength(1);
    expect(clock.calls.map(({ at }) => at)).toEqual([2]);
    void batcher.score(1, batchOf(2));
    expect(runner.runs).toHaveLength(1);
    clock.ms = 2;
    clock.calls[0]!.call();
    expect(runner.last.batches).toEqual([[1], [2]]);
  });

  test('company that fills the run ends the wait', async () => {
    const { batcher, runner } = world({ rows: 2, waitUs: 2000 });
    void batcher.score(1, batchOf(0));
    void batcher.score(1, batchOf(1));
    await runner.last.finish();
    void batcher.score(1, batchOf(2));
    expect(runner.last.batches).toEqual([[1], [2]]);
  });
});

describe('a deadline', () => {
  test('that has passed when the thread gets free is not run', async () => {
    const { batcher, runner, clock } = world();
    void batcher.score(1, batchOf(0));
    const late = reasonOf(batcher.score(1, batchOf(1), { deadline: 5 }));
    const early = batcher.score(1, batchOf(2), { deadline: 50 });
    clock.ms = 6;
    await runner.last.finish();
    expect(await late).toBe('deadline');
    expect(runner.last.batches).toEqual([[2]]);
    await runner.last.finish();
    expect([...(await early).heads]).toEqual([2]);
  });

  test('that the run itself would pass is not run where it has to wait, by what runs have taken', async () => {
    const { batcher, runner } = world();
    const measured = batcher.score(1, rowsOf(10));
    await runner.last.finish(100);
    await measured;
    void batcher.score(1, rowsOf(1));
    expect(await reasonOf(batcher.score(1, rowsOf(2), { deadline: 15 }))).toBe('deadline');
    expect(runner.runs).toHaveLength(2);
  });

  test('is tried where a thread is free, so that a pace that was wrong is found out', async () => {
    const { batcher, runner } = world();
    void batcher.score(1, rowsOf(10));
    await runner.last.finish(1000);
    const scores = batcher.score(1, rowsOf(2), { deadline: 15 });
    await runner.last.finish(1);
    expect((await scores).heads).toHaveLength(2);
  });
});

describe('who hangs up', () => {
  test('leaves the queue and is not run', async () => {
    const { batcher, runner, metrics } = world();
    const client = new AbortController();
    void batcher.score(1, batchOf(0));
    const gone = reasonOf(batcher.score(1, batchOf(1), { signal: client.signal }));
    void batcher.score(1, batchOf(2));
    client.abort();
    expect(await gone).toBe('cancelled');
    expect(await metrics.scrape()).toContain('watchnext_queue_rows 1');
    await runner.last.finish();
    expect(runner.last.batches).toEqual([[2]]);
  });

  test('during a run that fails is not tried again', async () => {
    const { batcher, runner } = world();
    const client = new AbortController();
    void batcher.score(1, batchOf(0));
    const gone = reasonOf(batcher.score(1, batchOf(1), { signal: client.signal }));
    const stays = batcher.score(1, batchOf(2));
    await runner.last.finish();
    client.abort();
    await runner.last.fail(new Error('no such value'));
    expect(await gone).toBe('cancelled');
    expect(runner.last.batches).toEqual([[2]]);
    await runner.last.finish();
    expect([...(await stays).heads]).toEqual([2]);
    expect(runner.runs).toHaveLength(3);
  });

  test('before asking is not asked for', async () => {
    const { batcher, runner } = world();
    expect(await reasonOf(batcher.score(1, batchOf(1), { signal: AbortSignal.abort() }))).toBe('cancelled');
    expect(runner.runs).toHaveLength(0);
  });

  test('is listened for no more once there are scores, or none', async () => {
    const { batcher, runner } = world();
    const clients = [new AbortController(), new AbortController()];
    const listeners = (): number[] => clients.map(({ signal }) => getEventListeners(signal, 'abort').length);
    const [scored, failed] = clients.map(({ signal }) => reasonOf(batcher.score(1, batchOf(1), { signal })));
    expect(listeners()).toEqual([1, 1]);
    await runner.last.finish();
    await scored;
    expect(listeners()).toEqual([0, 1]);
    await runner.last.fail(new Error('broken'));
    expect(await failed).toBe('broken');
    expect(listeners()).toEqual([0, 0]);
  });
});

describe('a run that fails', () => {
  test('with several requests is tried again one by one, so that only what is to blame fails', async () => {
    const { batcher, runner } = world();
    void batcher.score(1, batchOf(0));
    const [good, bad] = [batcher.score(1, batchOf(1)), reasonOf(batcher.score(1, batchOf(2)))];
    await runner.runs[0]!.finish();
    await runner.runs[1]!.fail(new Error('no such value'));
    expect(runner.runs[2]!.batches).toEqual([[1]]);
    await runner.runs[2]!.finish();
    await runner.runs[3]!.fail(new Error('no such value'));
    expect([...(await good).heads]).toEqual([1]);
    expect(await bad).toBe('no such value');
    expect(runner.runs).toHaveLength(4);
  });

  test('alone is not tried again', async () => {
    const { batcher, runner } = world();
    const bad = reasonOf(batcher.score(1, batchOf(1)));
    await runner.last.fail(new Error('no such value'));
    expect(await bad).toBe('no such value');
    expect(runner.runs).toHaveLength(1);
  });

  test('with its thread is tried once more, on the thread that takes its place', async () => {
    const { batcher, runner } = world();
    const scores = batcher.score(1, batchOf(1));
    batcher.remove(runner);
    await runner.last.fail(new ThreadDied('out of memory'));
    const next = new FakeRunner();
    batcher.add(next);
    expect(next.last.batches).toEqual([[1]]);
    await next.last.finish();
    expect([...(await scores).heads]).toEqual([1]);
  });

  test('with two threads is given up, and those who shared its run are not', async () => {
    const { batcher, runner } = world();
    void batcher.score(1, batchOf(0));
    const poison = reasonOf(batcher.score(1, batchOf(1)));
    const innocent = batcher.score(1, batchOf(2));
    await runner.last.finish();
    batcher.remove(runner);
    await runner.last.fail(new ThreadDied('crashed'));
    const second = new FakeRunner();
    batcher.add(second);
    batcher.remove(second);
    await second.last.fail(new ThreadDied('crashed'));
    expect(await poison).toBe('crashed');
    const third = new FakeRunner();
    batcher.add(third);
    await third.last.finish();
    expect([...(await innocent).heads]).toEqual([2]);
  });
});

test('what still waits when scoring ends is refused', async () => {
  const { batcher } = world();
  void batcher.score(1, batchOf(0));
  const waiting = batcher.score(1, batchOf(1));
  batcher.close();
  await expect(waiting).rejects.toMatchObject({ code: 'not_ready' });
  await expect(batcher.score(1, batchOf(2))).rejects.toMatchObject({ code: 'not_ready' });
});
