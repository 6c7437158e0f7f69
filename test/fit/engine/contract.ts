import { afterEach, describe, expect, test } from '@jest/globals';
import type { RankerDefinition } from '../../../src/definition/index.js';
import type { Engine, EngineOptions, NamedArrays } from '../../../training/fit/types.js';
import { batchOf, busyRanker, layout, optionsOf, quietRanker, type BatchShape } from './builder.js';

/** What every engine promises, whatever executes. */
export function describeEngine(name: string, create: (options: EngineOptions) => Promise<Engine>): void {
  const open: Engine[] = [];
  const engineOf = async (definition: RankerDefinition, seed = 1): Promise<Engine> => {
    const engine = await create(optionsOf(definition, seed));
    open.push(engine);
    return engine;
  };
  const steps = async (engine: Engine, from: number, until: number): Promise<void> => {
    for (let seed = from; seed < until; seed++) await engine.step(batchOf({ seed }));
  };
  const trained = async (seed: number): Promise<NamedArrays> => {
    const engine = await engineOf(busyRanker(), seed);
    await steps(engine, 0, 4);
    return engine.state();
  };

  describe(`the engine ${name}`, () => {
    afterEach(async () => {
      for (const engine of open.splice(0)) await engine.close();
    });

    test('learns a batch that it sees again and again', async () => {
      const engine = await engineOf(quietRanker());
      const losses: number[] = [];
      for (let i = 0; i < 30; i++) {
        const step = await engine.step(batchOf({ learningRate: 0.02 }));
        losses.push(step.losses.reduce((a, b) => a + b));
      }
      expect(losses.at(-1)!).toBeLessThan(losses[0]! * 0.6);
    });

    test('ends with the same weights bit for bit from the same seeds, with others from others', async () => {
      const state = await trained(1);
      expect(await trained(1)).toEqual(state);
      expect(await trained(2)).not.toEqual(state);
    });

    test('goes on from a loaded state as if it had never stopped', async () => {
      const whole = await engineOf(busyRanker());
      await steps(whole, 0, 3);
      const half = await whole.state();
      await steps(whole, 3, 6);
      const resumed = await engineOf(busyRanker(), 7);
      await resumed.load(half);
      expect(await resumed.state()).toEqual(half);
      await steps(resumed, 3, 6);
      expect(await resumed.state()).toEqual(await whole.state());
    });

    test('refuses a state of another shape and stays as it was', async () => {
      const engine = await engineOf(busyRanker());
      const before = await engine.state();
      const wrong = new Map(before).set('parameters/heads/bias', new Float32Array(7)).set('other', new Float32Array(1));
      await expect(engine.load(wrong)).rejects.toThrow(/heads\/bias needs 3 values, there are 7; other is unknown/);
      expect(await engine.state()).toEqual(before);
    });

    test('gives gradients of the inputs that foretell how the losses change', async () => {
      const engine = await engineOf(quietRanker());
      const still: BatchShape = { learningRate: 0 };
      const totalAt = async (side: 'request' | 'candidate', index: number, change: number): Promise<number> => {
        const batch = batchOf(still);
        batch[side][index] = (batch[side][index] ?? 0) + change;
        const { losses } = await engine.step(batch);
        return losses.reduce((a, b) => a + b);
      };
      const { requestGradient, candidateGradient } = await engine.step(batchOf(still));
      expect([requestGradient.length, candidateGradient.length]).toEqual([3 * 5, 8 * 4]);
      for (const [side, gradient] of [
        ['request', requestGradient],
        ['candidate', candidateGradient],
      ] as const) {
        for (const index of [0, 6, 11]) {
          const slope = ((await totalAt(side, index, 1e-3)) - (await totalAt(side, index, -1e-3))) / 2e-3;
          expect(gradient[index]).toBeCloseTo(slope, 3);
        }
      }
    });

    test('a row of weight 0 changes nothing, whatever its label', async () => {
      const outcomes = [];
      for (const label of [0, 1, 1000]) {
        const engine = await engineOf(quietRanker());
        const batch = batchOf();
        batch.weights.fill(0, 6, 9);
        batch.labels.fill(label, 6, 9);
        const { candidateGradient } = await engine.step(batch);
        expect([...candidateGradient.subarray(8, 12)].map(Math.abs)).toEqual([0, 0, 0, 0]);
        outcomes.push(await engine.state());
      }
      expect(outcomes[1]).toEqual(outcomes[0]);
      expect(outcomes[2]).toEqual(outcomes[0]);
    });

    test('a missing bias cell moves no weight of the tower', async () => {
      const engine = await engineOf(quietRanker());
      const batch = batchOf();
      await engine.step({ ...batch, bias: batch.bias.fill(-1) });
      expect((await engine.state()).get('parameters/bias/weights')).toEqual(new Float32Array(9));
    });

    test('scores a row the same in a list and as a request of its own', async () => {
      const engine = await engineOf(busyRanker());
      await steps(engine, 0, 2);
      const batch = batchOf();
      const { rows, requestOf, request } = batch;
      const own = Float32Array.from({ length: rows * layout.requestWidth }, (_, i) => {
        const owner = requestOf[Math.floor(i / layout.requestWidth)] ?? 0;
        return request[owner * layout.requestWidth + (i % layout.requestWidth)] ?? 0;
      });
      const single = await engine.predict({
        requests: rows,
        rows,
        request: own,
        candidate: batch.candidate.slice(),
        requestOf: Int32Array.from({ length: rows }, (_, row) => row),
      });
      const listed = await engine.predict(batch);
      expect(listed.length).toBe(rows * 3);
      single.forEach((logit, i) => expect(listed[i]).toBeCloseTo(logit, 5));
    });

    test('predicts with the averaged weights where the definition asks for averages', async () => {
      const engine = await engineOf(busyRanker({ averaging: 0.99 }));
      await steps(engine, 0, 5);
      const averaged = await engine.predict(batchOf());
      const state = await engine.state();
      const weights = new Map([...state].filter(([key]) => !key.startsWith('average/')));
      const averages = new Map(
        [...weights].map(([key, values]) => [key, state.get(key.replace('parameters/', 'average/')) ?? values]),
      );
      const { averaging, ...training } = busyRanker().training ?? {};
      expect(averaging).toBe(0.9);
      const plain = await engineOf({ ...busyRanker(), training });
      await plain.load(averages);
      expect(await plain.predict(batchOf())).toEqual(averaged);
    });

    test('a step whose losses are not finite changes nothing', async () => {
      const engine = await engineOf(busyRanker());
      await steps(engine, 0, 1);
      const before = await engine.state();
      const batch = batchOf();
      batch.candidate[0] = Number.NaN;
      batch.weights.fill(1);
      const { losses } = await engine.step(batch);
      expect(losses.some(Number.isNaN)).toBe(true);
      expect(await engine.state()).toEqual(before);
    });

    test('carries out calls in their order, without being waited for', async () => {
      const waited = await engineOf(busyRanker());
      await steps(waited, 0, 3);
      const engine = await engineOf(busyRanker());
      const asked = [0, 1, 2].map((seed) => engine.step(batchOf({ seed })));
      const state = engine.state();
      await Promise.all(asked);
      expect(await state).toEqual(await waited.state());
    });

    test('takes batches of any size, also views into one larger buffer, which it leaves alone', async () => {
      const engine = await engineOf(busyRanker());
      for (const lists of [[1], [1, 1, 1], [2, 5], [40, 1, 9]]) {
        const { losses } = await engine.step(batchOf({ lists }));
        expect(losses.every(Number.isFinite)).toBe(true);
      }
      const batch = batchOf();
      const pool = new Float32Array([...batch.request, ...batch.candidate]);
      const views = { request: pool.subarray(0, 15), candidate: pool.subarray(15) };
      await engine.step({ ...batch, ...views });
      expect(pool.length).toBe(15 + 32);
    });

    test('closes after what was asked, once, and answers nothing more', async () => {
      const engine = await create(optionsOf(busyRanker()));
      const last = engine.step(batchOf());
      await Promise.all([engine.close(), engine.close()]);
      expect((await last).losses.length).toBe(3);
      await expect(engine.state()).rejects.toThrow('the engine is closed');
    });
  });
}
