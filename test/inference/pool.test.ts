import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  createRateScorer,
  createScorerPool,
  type PoolOptions,
  type Scorer,
  type ScorerPool,
} from '../../src/inference/index.js';
import { createMetrics, silentLogger, type Metrics } from '../../src/telemetry/index.js';
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

  test('says what share of the time its threads work', async () => {
    const metrics = createMetrics();
    const own = await startPool({ workers: 1, metrics });
    const share = async (): Promise<number> =>
      Number(/watchnext_worker_utilisation_ratio\{of="max"\} (\S+)/.exec(await metrics.scrape())?.[1]);
    try {
      const scorer = await own.load('v1', shelfModel());
      await share();
      const batch = shelfBatch(Array.from({ length: 5000 }, (_, row) => row));
      for (const until = performance.now() + 300; performance.now() < until;)
        await Promise.all(Array.from({ length: 8 }, () => scorer.score(batch)));
      const busy = await share();
      await new Promise((resolve) => setTimeout(resolve, 300));
      const idle = await share();
      expect(busy).toBeGreaterThan(idle);
      expect(busy).toBeLessThanOrEqual(1);
      expect(idle).toBeLessThan(0.5);
      await scorer.close();
    } finally {
      await own.close();
    }
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

  test('again and again are replaced ever more slowly; a version that none of them could examine is not served', async () => {
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
    const examined: string[] = [];
    const load = dying.load('v1', shelfModel(), () => Promise.resolve(void examined.push('v1')));
    await expect(load).rejects.toMatchObject({ code: 'not_ready' });
    expect(examined).toEqual([]);
    await dying.close();
    expect(lines).toEqual(Array.from({ length: 3 }, () => 'a scoring thread died and is replaced'));
  });
});

describe('a thread that dies while it scores', () => {
  /** A module that dies of the first score it is asked for, until it has `times` times; then it answers as the shelf would. */
  const dying = (marks: string, times: number): URL =>
    new URL(
      `data:text/javascript,${encodeURIComponent(`
        import { appendFileSync, readFileSync } from 'node:fs';
        import { parentPort } from 'node:worker_threads';
        parentPort.on('message', ({ call, name, ask }) => {
          if (name === 'score' && readFileSync(${JSON.stringify(marks)}).length < ${times}) {
            appendFileSync(${JSON.stringify(marks)}, 'x');
            process.exit(7);
          }
          const rows = name === 'score' ? ask.parcels.reduce((sum, { rows }) => sum + rows, 0) : 0;
          const answer = name === 'score' ? { heads: new Float32Array(2 * rows).fill(0.5), encodeMs: 0, runMs: 1 } : undefined;
          parentPort.postMessage({ call, answer });
          if (name === 'stop') parentPort.close();
        });`)}`,
    );
  const withPool = async (times: number, use: (scorer: Scorer, metrics: Metrics) => Promise<void>): Promise<void> => {
    const folder = await mkdtemp(join(tmpdir(), 'pool-'));
    const marks = join(folder, 'deaths');
    await writeFile(marks, '');
    const metrics = createMetrics();
    const fragile = await startPool({ workers: 1, entry: dying(marks, times), metrics });
    try {
      const scorer = await fragile.load('v1', shelfModel());
      await use(scorer, metrics);
    } finally {
      await fragile.close();
      await rm(folder, { recursive: true });
    }
  };

  test('costs its requests one more try, not an answer', () =>
    withPool(1, async (scorer, metrics) => {
      const scores = await Promise.all([1, 2, 3].map((quality) => scorer.score(shelfBatch([quality]))));
      expect(scores.map(({ heads }) => [...heads])).toEqual([1, 2, 3].map(() => [0.5, 0.5]));
      expect(await metrics.scrape()).toContain('watchnext_scorer_deaths_total 1');
    }));

  test('twice of the same batch: it is rejected, and the next one is scored', () =>
    withPool(2, async (scorer, metrics) => {
      await expect(scorer.score(shelfBatch([1]))).rejects.toThrow('code 7');
      await expect(scorer.score(shelfBatch([2]))).resolves.toMatchObject({ heads: Float32Array.of(0.5, 0.5) });
      expect(await metrics.scrape()).toContain('watchnext_scorer_deaths_total 2');
    }));
});

describe('opening a model while others are scored', () => {
  /**
   * A module that answers as the shelf would, and opens a model by blocking its thread until somebody opens the gate, which is
   * the first word of the graph; it dies where that is -1. The second word says in how many threads it was opened that have not
   * been stopped. Heads are the thread's own number.
   */
  const gated = new URL(
    `data:text/javascript,${encodeURIComponent(`
      import { parentPort, threadId } from 'node:worker_threads';
      const held = new Set();
      const gates = [];
      parentPort.on('message', ({ call, name, ask }) => {
        let answer, error;
        if (name === 'load') {
          const gate = new Int32Array(ask.content.graph.buffer);
          gates.push(gate);
          Atomics.add(gate, 1, 1);
          if (gate[0] === -1) process.exit(7);
          Atomics.wait(gate, 0, 0);
          held.add(ask.model);
        }
        if (name === 'unload') held.delete(ask);
        if (name === 'score') {
          const rows = ask.parcels.reduce((sum, { rows }) => sum + rows, 0);
          if (held.has(ask.model)) answer = { heads: new Float32Array(2 * rows).fill(threadId), encodeMs: 0, runMs: 1 };
          else error = { message: 'model ' + ask.model + ' is not loaded' };
        }
        parentPort.postMessage(error ? { call, error } : { call, answer });
        if (name === 'stop') {
          for (const gate of gates) Atomics.sub(gate, 1, 1);
          parentPort.close();
        }
      });`)}`,
  );
  const closed = 0;
  const opened = 1;
  const deadly = -1;
  const gateAt = (state: number): Int32Array<SharedArrayBuffer> => {
    const gate = new Int32Array(new SharedArrayBuffer(8));
    gate[0] = state;
    return gate;
  };
  const openGate = (gate: Int32Array): void => {
    Atomics.store(gate, 0, opened);
    Atomics.notify(gate, 0);
  };
  const behind = (gate: Int32Array) => ({ ...shelfModel(), graph: new Uint8Array(gate.buffer) });
  const threadOf = async (scorer: Scorer): Promise<number> => (await scorer.score(shelfBatch([1]))).heads[0]!;
  const withPool = async (workers: number, use: (own: ScorerPool) => Promise<void>): Promise<void> => {
    const own = await startPool({ workers, entry: gated });
    try {
      await use(own);
    } finally {
      await own.close();
    }
  };

  test('holds nobody up: the thread that scores goes on, and another takes its place', () =>
    withPool(1, async (own) => {
      const first = await own.load('v1', behind(gateAt(opened)));
      const before = await threadOf(first);
      const gate = gateAt(closed);
      const second = own.load('v2', behind(gate));
      // With its thread blocked by the second model this would never be answered.
      expect(await threadOf(first)).toBe(before);
      openGate(gate);
      const after = await threadOf(await second);
      expect(after).not.toBe(before);
      // One thread scores at a time, whatever the version.
      expect(await threadOf(first)).toBe(after);
    }));

  test('goes on with two threads, and both hold what is opened later', () =>
    withPool(1, async (own) => {
      const first = await own.load('v1', behind(gateAt(opened)));
      const threads = [await threadOf(first)];
      for (const version of ['v2', 'v3', 'v4', 'v5']) {
        const next = await own.load(version, behind(gateAt(opened)));
        threads.push(await threadOf(next));
        expect(await threadOf(first)).toBe(threads.at(-1));
      }
      const [a, b] = threads;
      expect(threads).toEqual([a, b, a, b, a]);
    }));

  test('with several workers, each is given the model in turn', () =>
    withPool(2, async (own) => {
      const first = await own.load('v1', behind(gateAt(opened)));
      await threadOf(first);
      const second = await own.load('v2', behind(gateAt(opened)));
      await first.close();
      const both = await Promise.all([threadOf(second), threadOf(second)]);
      expect(new Set(both).size).toBe(2);
    }));

  test('that kills its thread costs those who are scored nothing, and the next one is opened in another', () =>
    withPool(1, async (own) => {
      const first = await own.load('v1', behind(gateAt(opened)));
      const before = await threadOf(first);
      await expect(own.load('v2', behind(gateAt(deadly)))).rejects.toThrow('code 7');
      expect(await threadOf(first)).toBe(before);
      const third = await own.load('v3', behind(gateAt(opened)));
      expect(await threadOf(third)).not.toBe(before);
    }));

  test('examines it in each thread once, the first of a ranker as one that is cold', () =>
    withPool(1, async (own) => {
      const examined: string[] = [];
      const load = (version: string): Promise<Scorer> =>
        own.load(version, behind(gateAt(opened)), async (score, isCold) => {
          const { heads } = await score(shelfBatch([1]));
          examined.push(`${version}${isCold ? ' cold' : ''}`);
          expect(heads).toHaveLength(2);
        });
      const first = await load('v1');
      await threadOf(first);
      const second = await load('v2');
      await first.close();
      await load('v3');
      await second.close();
      expect(examined).toEqual(['v1 cold', 'v1 cold', 'v2', 'v2', 'v3']);
    }));

  test('goes on in the other thread, though another model is closed meanwhile that is opened there, too', () =>
    withPool(1, async (own) => {
      let examined = 0;
      const first: Scorer = await own.load('v1', behind(gateAt(opened)), async (score) => {
        if (++examined === 2) await first.close();
        await score(shelfBatch([1]));
      });
      const second = await own.load('v2', behind(gateAt(opened)));
      const before = await threadOf(second);
      const third = await own.load('v3', behind(gateAt(opened)));
      expect(examined).toBe(2);
      expect(await threadOf(third)).not.toBe(before);
      expect(await threadOf(second)).toBe(await threadOf(third));
    }));

  test.each(Array.from({ length: 16 }, (_, turns) => turns))(
    'reaches a thread that takes the place of one that died, also %p turns after that was examined',
    (turns) =>
      withPool(2, async (own) => {
        let examined = 0;
        let open = (): void => undefined;
        const second = new Promise<void>((resolve) => (open = resolve)).then(async () => {
          for (let turn = 0; turn < turns; turn++) await Promise.resolve();
          return own.load('v2', behind(gateAt(opened)));
        });
        await own.load('v1', behind(gateAt(opened)), () => {
          if (++examined === 3) open();
          return Promise.resolve();
        });
        // Nobody was scored for: it is opened in a thread that scores.
        await expect(own.load('deadly', behind(gateAt(deadly)))).rejects.toThrow('code 7');
        const scorer = await second;
        const threads = new Set<number>();
        while (threads.size < 2)
          for (const thread of await Promise.all(Array.from({ length: 8 }, () => threadOf(scorer))))
            threads.add(thread);
      }),
  );

  test('is over when the model is closed, also in a thread that comes for one that died: its memory is used again', () =>
    withPool(2, async (own) => {
      const gate = gateAt(opened);
      const first = await own.load('v1', behind(gate));
      const second = await own.load('v2', behind(gateAt(opened)));
      Atomics.store(gate, 0, closed);
      await expect(own.load('deadly', behind(gateAt(deadly)))).rejects.toThrow('code 7');
      while (gate[1] !== 3) await new Promise(setImmediate);
      let over = false;
      const closing = first.close().then(() => (over = true));
      // What the thread that is left was told before, it has done before it answers.
      await threadOf(second);
      await new Promise(setImmediate);
      expect(over).toBe(false);
      openGate(gate);
      await closing;
      await threadOf(second);
    }));

  test('leaves no thread behind where the pool is closed meanwhile', async () => {
    const gates = [gateAt(opened), gateAt(opened)] as const;
    const own = await startPool({ workers: 1, entry: gated });
    await threadOf(await own.load('v1', behind(gates[0])));
    const second = own.load('v2', behind(gates[1])).catch(() => undefined);
    await own.close();
    await second;
    expect(gates.map((gate) => gate[1])).toEqual([0, 0]);
  });

  test('before anybody was scored for needs no other thread', () =>
    withPool(1, async (own) => {
      const [first, second] = [
        await own.load('v1', behind(gateAt(opened))),
        await own.load('v2', behind(gateAt(opened))),
      ];
      expect(await threadOf(first)).toBe(await threadOf(second));
      const [started] = [await threadOf(first)];
      const third = await own.load('v3', behind(gateAt(opened)));
      expect(await threadOf(third)).not.toBe(started);
    }));
});

test('a thread that does not agree with the golden rows holds nothing, and the model is not served', async () => {
  const seen: number[] = [];
  const refused = pool.load('v1', shelfModel(), async (score) => {
    const { heads } = await score(shelfBatch([1, 2]));
    seen.push(heads.length);
    if (seen.length === 2) throw new Error('not as the trainer did');
  });
  await expect(refused).rejects.toThrow('not as the trainer did');
  expect(seen).toEqual([4, 4]);
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
