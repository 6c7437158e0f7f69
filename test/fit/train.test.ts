import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { RankerDefinition } from '../../src/definition/index.js';
import { trainRanker, type TrainedRanker, type TrainOptions, type TrainingProgress } from '../../training/fit/index.js';
import { LinearEngine } from './linear-engine.js';
import { datasetOf, hourMs, simulatedLog, smallRanker, worldStart } from './world.js';

const log = simulatedLog();

interface Run {
  readonly trained: TrainedRanker;
  readonly engine: LinearEngine;
}

async function train(
  definition: RankerDefinition,
  options: Partial<TrainOptions> & { prepare?: (engine: LinearEngine) => void } = {},
): Promise<Run> {
  let engine: LinearEngine | undefined;
  const trained = await trainRanker({
    definition,
    dataset: datasetOf(log),
    engine: (made) => {
      engine = new LinearEngine(made);
      options.prepare?.(engine);
      return Promise.resolve(engine);
    },
    ...options,
  });
  return { trained, engine: engine! };
}

/** Everything learned, as bytes. */
async function bits(trained: TrainedRanker): Promise<string> {
  const dense = [...(await trained.denseState()).values()].map((values) => Buffer.from(values.buffer));
  const tables = [...trained.tables().values()].map((table) => table.serialise());
  return Buffer.concat([...dense, ...tables]).toString('base64');
}

async function rowsOf(scored: AsyncIterable<{ heads: Float32Array }>): Promise<number> {
  let values = 0;
  for await (const { heads } of scored) values += heads.length;
  return values / 2;
}

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fit-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('training', () => {
  test('learns: the loss of later epochs is lower, and below that of the mean', async () => {
    const { trained } = await train(smallRanker({ epochs: 5, validation: 0.2 }));
    const losses = trained.history.epochs.map(({ losses }) => losses['click']!);
    expect(losses.at(-1)).toBeLessThan(losses[0]! * 0.95);
    expect(trained.history.epochs.at(-1)!.validation!.normalised).toBeLessThan(0.98);
  });

  test('ends in the same bits when it is done twice, and in others with another seed', async () => {
    const definition = smallRanker({ epochs: 2 });
    const first = await bits((await train(definition)).trained);
    const again = await bits((await train(definition)).trained);
    const other = await bits((await train(definition, { seed: 99 })).trained);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  test('learns only from rows in the range', async () => {
    const until = worldStart + 50 * hourMs;
    const { trained } = await train(smallRanker(), { from: worldStart + 10 * hourMs, until });
    const rows = log.slice(10, 50).reduce((sum, { candidates }) => sum + candidates.length, 0);
    expect(trained.summary.rows).toBe(rows);
    expect(trained.window).toEqual({ from: worldStart + 10 * hourMs, until: until - hourMs });
  });

  test('says so when there is nothing to learn from', async () => {
    await expect(train(smallRanker(), { until: worldStart })).rejects.toMatchObject({ code: 'data_missing' });
  });

  test('follows the schedule: warm-up, then down to nearly nothing', async () => {
    const optimizer = { kind: 'sgd', rate: 0.1, schedule: 'linear', warmup_steps: 3 } as const;
    const { engine } = await train(smallRanker({ epochs: 2, optimizer }));
    const rates = engine.steps.map(({ learningRate }) => learningRate);
    expect(rates[0]).toBeCloseTo(0.1 / 3, 6);
    expect(Math.max(...rates)).toBeLessThan(0.1);
    expect(rates.at(-1)).toBeLessThan(0.1 * (64 / 1000));
    expect(rates.slice(3)).toEqual([...rates.slice(3)].sort((a, b) => b - a));
  });

  test('gives every step another seed', async () => {
    const { engine } = await train(smallRanker({ epochs: 2 }));
    expect(new Set(engine.steps.map(({ seed }) => seed)).size).toBe(engine.steps.length);
  });

  test('re-initialised embeddings forget the epoch before, the dense weights do not', async () => {
    const once = await train(smallRanker({ epochs: 2, reinitialise_embeddings: true }));
    const kept = await train(smallRanker({ epochs: 2 }));
    expect(once.trained.tables().get('item_id')!.size).toBe(kept.trained.tables().get('item_id')!.size);
    expect(await bits(once.trained)).not.toBe(await bits(kept.trained));
  });

  test('a penalty keeps embedding rows small, a least count keeps rare ids out', async () => {
    const squares = async (embedding_penalty: number): Promise<number> => {
      const { trained } = await train(smallRanker({ epochs: 3, embedding_penalty }));
      return trained
        .tables()
        .get('item_id')!
        .contents()
        .values.reduce((sum, value) => sum + value ** 2, 0);
    };
    expect(await squares(1)).toBeLessThan((await squares(0)) / 2);

    const definition = smallRanker();
    const seldom = { ...definition.features['user_id']!, min_count: 12 } as RankerDefinition['features'][string];
    const { trained } = await train({ ...definition, features: { ...definition.features, user_id: seldom } });
    const lists = new Map<unknown, number>();
    for (const { user } of log) lists.set(user['user_id'], (lists.get(user['user_id']) ?? 0) + 1);
    const often = [...lists.values()].filter((count) => count >= 12).length;
    expect(often).toBeLessThan(lists.size);
    expect(trained.tables().get('user_id')!.size).toBe(often);
  });

  test('keeps the epoch that did best on the held-out part, and stops when none follows', async () => {
    // A rate that overshoots: the first epoch is the best one.
    const rising = smallRanker({
      epochs: 9,
      patience: 2,
      validation: '2d',
      optimizer: { kind: 'sgd', rate: 1e-9 },
      embeddings: { kind: 'rowwise_adagrad', rate: 0.3 },
    });
    const { trained } = await train(rising);
    const { epochs } = trained.history;
    const validated = epochs.map(({ validation }) => validation!.normalised);
    const best = validated.indexOf(Math.min(...validated));
    expect(epochs.length).toBe(best + 1 + 2);
    expect(epochs.length).toBeLessThan(9);
    const asBest = await train({ ...rising, training: { ...rising.training, epochs: best + 1 } });
    expect(await bits(trained)).toBe(await bits(asBest.trained));
  });

  test.each(['60d', '200h'])(
    'refuses to hold out the whole log (%s), of which nothing would be left to learn',
    async (validation) => {
      const training = train(smallRanker({ validation }));
      await expect(training).rejects.toMatchObject({
        code: 'data_invalid',
        problems: [
          {
            path: 'training.validation',
            message: `${validation} is all of the log, which runs from 2024-01-01T00:00:00.000Z to 2024-01-09T07:00:00.000Z`,
          },
        ],
      });
    },
  );

  test('reports what it does in order, with losses', async () => {
    const seen: TrainingProgress[] = [];
    await train(smallRanker({ validation: 0.2 }), { onProgress: (progress) => seen.push(progress) });
    expect([...new Set(seen.map(({ phase }) => phase))]).toEqual(['reading', 'preparing', 'training', 'validating']);
    for (const { done, total } of seen) expect(done).toBeLessThanOrEqual(total);
    expect(seen.at(-1)!.done).toBe(seen.at(-1)!.total);
    expect(seen.find(({ phase }) => phase === 'training')!.losses!['click']).toBeGreaterThan(0);
  });

  test('a moving average changes what is served, not what is learned', async () => {
    const { trained } = await train(smallRanker({ epochs: 2, averaging: 0.9 }));
    const plain = await train(smallRanker({ epochs: 2 }));
    const dense = async (of: TrainedRanker) => [...(await of.denseState()).values()].map((values) => [...values]);
    expect(await dense(trained)).toEqual(await dense(plain.trained));
    expect(trained.tables().get('item_id')!.contents()).not.toEqual(plain.trained.tables().get('item_id')!.contents());
  });
});

describe('an interrupted run', () => {
  const definition = smallRanker({ epochs: 3, validation: 0.2, reinitialise_embeddings: true });

  async function interruptAt(step: number): Promise<unknown> {
    const abort = new AbortController();
    return train(definition, {
      checkpointDirectory: folder,
      signal: abort.signal,
      prepare: (engine) => {
        engine.beforeStep = (current) => {
          if (current === step) abort.abort();
        };
      },
    }).catch((error: unknown) => error);
  }

  test.each([1, 5, 9, 14])('goes on to the same bits after being stopped at step %i', async (step) => {
    const whole = await train(definition);
    expect(await interruptAt(step)).toMatchObject({ code: 'training_stopped' });
    const { trained, engine } = await train(definition, { checkpointDirectory: folder });
    expect(engine.steps.length).toBe(whole.engine.steps.length - step);
    expect(await bits(trained)).toBe(await bits(whole.trained));
    expect(trained.history).toEqual(whole.trained.history);
  });

  test('goes on from the last checkpoint after it was killed', async () => {
    const whole = await train(definition);
    const killed = train(definition, {
      checkpointDirectory: folder,
      checkpointEveryMs: 0,
      prepare: (engine) => {
        engine.beforeStep = (step) => {
          if (step === 8) throw new Error('killed');
        };
      },
    });
    await expect(killed).rejects.toThrow('killed');
    const { trained, engine } = await train(definition, { checkpointDirectory: folder });
    expect(engine.steps.length).toBe(whole.engine.steps.length - 7);
    expect(await bits(trained)).toBe(await bits(whole.trained));
  });

  test('says where what it learned is, and cleans up once it is done', async () => {
    const error = (await interruptAt(5)) as Error;
    const [file] = await readdir(folder);
    expect(error.message).toContain(join(folder, file!));
    await train(definition, { checkpointDirectory: folder });
    expect(await readdir(folder)).toEqual([]);
  });

  test('is not gone on with under another definition or seed', async () => {
    await interruptAt(5);
    const other = await train(smallRanker({ epochs: 1 }), { checkpointDirectory: folder });
    const whole = await train(smallRanker({ epochs: 1 }));
    expect(other.engine.steps.length).toBe(whole.engine.steps.length);
  });

  test('stops while it reads, too', async () => {
    const reading = train(definition, { signal: AbortSignal.abort() });
    await expect(reading).rejects.toMatchObject({ code: 'training_stopped' });
  });

  test('without a folder says that nothing was kept', async () => {
    const abort = new AbortController();
    const stopped = train(definition, {
      signal: abort.signal,
      prepare: (engine) => {
        engine.beforeStep = () => abort.abort();
      },
    });
    await expect(stopped).rejects.toThrow(/Nothing was kept/);
  });
});

describe('divergence', () => {
  test('stops with the step, the task and the last good checkpoint', async () => {
    const definition = smallRanker({ epochs: 50, optimizer: { kind: 'sgd', rate: 0.01 } });
    let engine: LinearEngine | undefined;
    const diverging = train(definition, {
      checkpointDirectory: folder,
      prepare: (made) => {
        engine = made;
        made.beforeStep = async (step) => {
          if (step !== 20) return;
          const state = await made.state();
          await made.load(new Map([...state].map(([name, values]) => [name, values.map(() => Number.NaN)])));
        };
      },
    });
    const error = (await diverging.catch((thrown: unknown) => thrown)) as Error;
    expect(error).toMatchObject({ code: 'training_diverged' });
    expect(error.message).toContain('click');
    expect(error.message).toContain('step 20');
    expect(error.message).toContain(folder);
    expect(engine!.closed).toBe(true);
  });

  test('stops when the loss leaps', async () => {
    const definition = smallRanker({ epochs: 20 });
    const diverging = train(definition, {
      prepare: (made) => {
        made.beforeStep = async (step) => {
          if (step !== 40) return;
          const state = await made.state();
          await made.load(new Map([...state].map(([name, values]) => [name, values.map((value) => value * 1e4)])));
        };
      },
    });
    await expect(diverging).rejects.toMatchObject({ code: 'training_diverged' });
  });
});

describe('predicting and learning on', () => {
  const until = worldStart + 120 * hourMs;
  const next = { from: until, until: until + 40 * hourMs };

  test('scores every row of the next period in time order, in natural units', async () => {
    const { trained } = await train(smallRanker({ epochs: 2 }), { until });
    const seen: string[] = [];
    for await (const { requests, heads, labels } of trained.predict(next)) {
      seen.push(...requests.map(({ requestId }) => requestId!));
      expect(heads.length).toBe(labels.length);
      for (let at = 0; at < heads.length; at += 2) {
        expect(heads[at]).toBeGreaterThan(0);
        expect(heads[at]).toBeLessThan(1);
        expect(heads[at + 1]).toBeGreaterThan(-1);
      }
    }
    expect(seen).toEqual(log.slice(120, 160).map(({ requestId }) => requestId));
  });

  test('learns from what it kept, at the progressive rate, and nothing twice', async () => {
    const { trained, engine } = await train(smallRanker({ progressive_rate: 0.25 }), { until });
    const before = engine.steps.length;
    await rowsOf(trained.predict(next, { keep: true }));
    expect(engine.steps.length).toBe(before);
    const losses = await trained.learn(0.5);
    const learned = engine.steps.slice(before);
    const rows = log.slice(120, 160).reduce((sum, { candidates }) => sum + candidates.length, 0);
    expect(learned.reduce((sum, step) => sum + step.rows, 0)).toBe(rows);
    expect(learned.every(({ learningRate }) => Math.abs(learningRate - 0.1 * 0.125) < 1e-9)).toBe(true);
    expect(losses['click']).toBeGreaterThan(0);
    await trained.learn();
    expect(engine.steps.length).toBe(before + learned.length);
  });

  test('what was predicted does not depend on what comes later', async () => {
    const firstHeads = async (cut: number): Promise<number[]> => {
      const dataset = datasetOf(log.slice(0, cut));
      const { trained } = await train(smallRanker(), { until, dataset });
      const heads: number[] = [];
      for await (const scored of trained.predict(next)) heads.push(...scored.heads);
      return heads;
    };
    const few = await firstHeads(130);
    expect((await firstHeads(150)).slice(0, few.length)).toEqual(few);
  });
});
