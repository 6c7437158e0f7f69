import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createRateScorer, createScorerPool, type PoolOptions, type ScorerPool } from '../../src/inference/index.js';
import { createMetrics, silentLogger } from '../../src/telemetry/index.js';
import { scorerContract } from '../contract/scorer.js';
import { shelf } from '../ranking/shelf.js';
import { shelfBatch, shelfModel } from './shelf-model.js';

const startPool = (options: Partial<PoolOptions> = {}): Promise<ScorerPool> =>
  createScorerPool({ device: 'cpu', workers: 2, logger: silentLogger, metrics: createMetrics(), ...options });

let pool: ScorerPool;
beforeAll(async () => void (pool = await startPool()));
afterAll(() => pool.close());

scorerContract('a model in worker threads', {
  open: () => pool.load('v1', shelfModel()),
  batch: shelfBatch,
});

scorerContract('the baseline of smoothed rates', {
  open: () => Promise.resolve(createRateScorer(shelf(), 'v1')!),
  batch: shelfBatch,
});

describe('scoring in worker threads', () => {
  test('computes what the graph says, in the encoding the features say', async () => {
    const scorer = await pool.load('v1', shelfModel({ scale: 2 }));
    const batch = shelfBatch([1, -3]);
    const { heads, gates } = await scorer.score(batch);
    const [click, watch, otherClick, otherWatch] = [...heads];
    expect(watch! - otherWatch!).toBeCloseTo(2 * (1 - -3), 1);
    expect(click).toBeCloseTo(1 / (1 + Math.exp(-watch!)), 5);
    expect(otherClick).toBeCloseTo(1 / (1 + Math.exp(-otherWatch!)), 5);
    expect(gates).toBeUndefined();
    await scorer.close();
  });

  test('answers gates where the graph has them', async () => {
    const scorer = await pool.load('v1', shelfModel({ gates: true }));
    const { gates } = await scorer.score(shelfBatch([1]));
    expect([...gates!]).toEqual([0.25, 0.75, 0.25, 0.75]);
    await scorer.close();
  });

  test('keeps several versions apart', async () => {
    const versions = await Promise.all([1, 3].map((scale) => pool.load(`v${scale}`, shelfModel({ scale }))));
    const [one, three] = await Promise.all(versions.map((scorer) => scorer.score(shelfBatch([1, 2]))));
    expect(three!.heads[1]).toBeCloseTo(3 * one!.heads[1]!, 5);
    await Promise.all(versions.map((scorer) => scorer.close()));
  });

  test('keeps the graph that several versions share until the last of them is closed', async () => {
    const model = shelfModel();
    const [first, second] = [
      await pool.load('v1', model),
      await pool.load('v1+1', { ...model, tables: shelfModel().tables }),
    ];
    const { heads } = await first.score(shelfBatch([1, 2]));
    await first.close();
    expect((await second.score(shelfBatch([1, 2]))).heads).toEqual(heads);
    await second.close();
    const third = await pool.load('v1+2', model);
    expect((await third.score(shelfBatch([1, 2]))).heads).toEqual(heads);
    await third.close();
  });

  test('runs graphs that lie in shared memory', async () => {
    const { graph, ...model } = shelfModel({ scale: 2 });
    const shared = new Uint8Array(new SharedArrayBuffer(graph.length));
    shared.set(graph);
    const [plain, scorer] = [
      await pool.load('v1', { graph, ...model }),
      await pool.load('v2', { graph: shared, ...model }),
    ];
    const answers = await Promise.all([plain, scorer].map((each) => each.score(shelfBatch([1, 2]))));
    expect(answers[1]!.heads).toEqual(answers[0]!.heads);
    await Promise.all([plain.close(), scorer.close()]);
  });

  test('marks what is not finite and scores the rest', async () => {
    const scorer = await pool.load('v1', shelfModel({ scale: 3e38 }));
    const { heads } = await scorer.score(shelfBatch([0, 1000]));
    expect(heads[3]).toBe(Infinity);
    await scorer.close();
  });

  test('refuses a graph that cannot be run, and goes on with the others', async () => {
    const good = await pool.load('good', shelfModel());
    const damaged = { ...shelfModel(), graph: Uint8Array.of(1, 2, 3) };
    await expect(pool.load('bad', damaged)).rejects.toThrow(/[Pp]rotobuf|model/);
    await expect(good.score(shelfBatch([1]))).resolves.toBeDefined();
    await good.close();
  });

  test('loading and closing versions again and again does not grow memory', async () => {
    const cycle = async (): Promise<void> => {
      const scorer = await pool.load('v', shelfModel());
      await scorer.score(shelfBatch(Array.from({ length: 200 }, (_, row) => row)));
      await scorer.close();
    };
    for (let warm = 0; warm < 5; warm++) await cycle();
    const before = process.memoryUsage().rss;
    for (let round = 0; round < 20; round++) await cycle();
    expect(process.memoryUsage().rss - before).toBeLessThan(80 * 1024 * 1024);
  });
});

describe('threads that end', () => {
  /** A module that ends the thread at once, or after it has answered this many calls. */
  const ending = (calls: number): URL =>
    new URL(
      `data:text/javascript,${encodeURIComponent(`
        import { parentPort } from 'node:worker_threads';
        let left = ${calls};
        if (left === 0) throw new Error('no luck');
        parentPort.on('message', ({ call, name }) => {
          parentPort.postMessage({ call, answer: undefined });
          if (name === 'stop') parentPort.close();
          else if (--left === 0) throw new Error('no luck');
        });`)}`,
    );

  test('at once are refused, not started again', async () => {
    const start = startPool({ entry: ending(0) });
    await expect(start).rejects.toMatchObject({
      code: 'device_unavailable',
      problems: [{ path: 'workers', message: expect.stringContaining('no luck') }],
    });
  });

  test('again and again are replaced ever more slowly', async () => {
    const lines: string[] = [];
    let third: () => void = () => {};
    const replacedTwice = new Promise<void>((resolve) => (third = resolve));
    const error = (_: object, message: string): void => {
      lines.push(message);
      if (lines.length === 3) third();
    };
    const started = performance.now();
    const dying = await startPool({ workers: 1, entry: ending(1), logger: { ...silentLogger, error } });
    await replacedTwice;
    // At once, then after 0.2 s.
    expect(performance.now() - started).toBeGreaterThan(190);
    await dying.close();
    expect(lines).toEqual(Array.from({ length: 3 }, () => 'a scoring thread died and is replaced'));
  });
});

describe('the device', () => {
  test('auto falls back to the CPU where CUDA is not there, with one line and a gauge', async () => {
    const lines: string[] = [];
    const metrics = createMetrics();
    const logger = { ...silentLogger, info: (_: object, message: string): void => void lines.push(message) };
    const auto = await startPool({ device: 'auto', workers: 1, logger, metrics });
    const text = await metrics.scrape();
    if (auto.device === 'cpu') expect(lines).toEqual(['CUDA is not available here, models run on the CPU']);
    expect(text).toContain(`watchnext_scorer_device{device="${auto.device}"} 1`);
    await auto.close();
  });

  test('cuda insists', async () => {
    const insisting = startPool({ device: 'cuda', workers: 1 });
    const outcome = await insisting.then(
      async (started) => (await started.close(), 'cuda'),
      (error: unknown) => (error as { code?: string }).code,
    );
    expect(['cuda', 'device_unavailable']).toContain(outcome);
  });
});
