import { beforeAll, describe, expect, test } from '@jest/globals';
import type { LoadedArtifact } from '../../src/artifact/index.js';
import type { RankerDefinition } from '../../src/definition/index.js';
import { encodeFeatureBatch } from '../../src/features/index.js';
import type { Joined, JoinedExample } from '../../src/join/index.js';
import { fakeNegativeWeights, weighsFakeNegatives } from '../../training/stream/examples.js';
import { simulatedLog, smallRanker } from '../fit/world.js';
import { cutAtRandom, stepsOf, type Step } from './joined.js';
import { bitsOf, learningOn, linearArtifact, type Learning } from './ranker.js';

const training = { batch: 40, optimizer: { kind: 'sgd', rate: 0.05 } } as const;
const definition: RankerDefinition = { ...smallRanker(training), stream: { batch_span: '1d', forget: '3d' } };
const log = simulatedLog({ requests: 150, seed: 3 });

let artifact: LoadedArtifact;
let steps: Step[];
beforeAll(async () => {
  artifact = await linearArtifact(definition);
  steps = stepsOf({ definition, log, waitMs: 90_000 });
});

const allAtOnce = (of: readonly Step[]): Joined => ({
  watermark: of.at(-1)!.time,
  outcomes: of.flatMap(({ outcomes }) => outcomes),
  examples: of.flatMap(({ example }) => (example === undefined ? [] : [example])),
});

async function learned(calls: readonly Joined[], learning: Learning): Promise<Learning> {
  for (const call of calls) await learning.learner.take(call);
  await learning.learner.settled();
  return learning;
}

describe('what a learner does', () => {
  test('does not depend on how the stream was cut into calls', async () => {
    const whole = await bitsOf(await learned([allAtOnce(steps)], await learningOn(artifact)));
    for (const seed of [1, 2, 3, 4, 5]) {
      expect(await bitsOf(await learned(cutAtRandom(steps, seed), await learningOn(artifact)))).toBe(whole);
    }
  });

  test('is the same to the bit when it is stopped anywhere and another goes on from there', async () => {
    const whole = await bitsOf(await learned([allAtOnce(steps)], await learningOn(artifact)));
    for (const seed of [11, 12, 13, 14]) {
      const calls = cutAtRandom(steps, seed);
      const half = Math.floor((calls.length * (seed - 10)) / 5);
      const first = await learned(calls.slice(0, half), await learningOn(artifact));
      const from = { place: structuredClone(first.learner.place), waiting: first.learner.waiting };
      const second = await learningOn({ ...artifact, state: first.state.snapshot() }, { from });
      await second.ranker.restore(await first.ranker.trainingState());
      second.windows.restore(first.windows.snapshot());
      expect(await bitsOf(await learned(calls.slice(half), second))).toBe(whole);
    }
  });

  test('gets better: what it predicts before it learns tells clicks from others more and more', async () => {
    const long = simulatedLog({ requests: 1500, seed: 8 });
    const [clicks, seconds] = [0, 1];
    const misled = simulatedLog({ requests: 60 }).map((request) => ({
      ...request,
      labels: [request.labels[clicks]!.map((label) => 1 - label), request.labels[seconds]!],
    }));
    const learning = await learningOn(await linearArtifact(definition, misled));
    const auc = async (part: typeof long): Promise<number> => {
      await learned([allAtOnce(stepsOf({ definition, log: part }))], learning);
      return areaOver(learning, part);
    };
    const early = await auc(long.slice(0, 200));
    await auc(long.slice(200, 1200));
    const late = await auc(long.slice(1200));
    expect(late).toBeGreaterThan(early + 0.05);
  });
});

/** The share of pairs of a clicked and another row that are in order, over the newest rows. */
function areaOver({ windows }: Learning, part: typeof log): number {
  const rows = part.reduce((sum, { candidates }) => sum + candidates.length, 0);
  const { labels, predicted } = windows.newest(rows - 40);
  const clicks: number[] = [];
  const others: number[] = [];
  labels.forEach((label, at) => {
    if (at % 2 === 0) (label > 0 ? clicks : others).push(predicted[at]!);
  });
  const won = clicks.flatMap((click) => others.map((other) => (click > other ? 1 : click === other ? 0.5 : 0)));
  return won.reduce((sum: number, each) => sum + each, 0) / won.length;
}

describe('a batch', () => {
  test('is learned when it is full, with whole requests and no more rows than it may have', async () => {
    const { engine, learner } = await learned([allAtOnce(steps)], await learningOn(artifact));
    const sizes = log.map(({ candidates }) => candidates.length);
    const expected: number[] = [0];
    for (const size of sizes) {
      if (expected.at(-1)! + size > 40) expected.push(0);
      expected[expected.length - 1]! += size;
    }
    // Requests are an hour apart here and a batch spans a day: some are cut by time.
    expect(Math.max(...engine.steps.map(({ rows }) => rows))).toBeLessThanOrEqual(40);
    expect(engine.steps.length).toBeGreaterThanOrEqual(expected.length - 1);
    const waiting = learner.waiting.reduce((sum, { positions }) => sum + positions.length, 0);
    const learnedRows = engine.steps.reduce((sum, { rows }) => sum + rows, 0);
    expect(learnedRows + waiting).toBe(sizes.reduce((sum, size) => sum + size, 0));
  });

  test('is learned when it spans its time, also if nothing but the watermark moves', async () => {
    const { engine, learner } = await learningOn(artifact);
    const [first] = steps.filter(({ example }) => example !== undefined);
    const example = first!.example!;
    await learner.take({ watermark: example.matured, outcomes: [], examples: [example] });
    await learner.take({ watermark: example.matured + 86_399_999, outcomes: [], examples: [] });
    await learner.settled();
    expect(engine.steps).toHaveLength(0);
    await learner.take({ watermark: example.matured + 86_400_000, outcomes: [], examples: [] });
    await learner.settled();
    expect(engine.steps.map(({ rows }) => rows)).toEqual([example.positions.length]);
  });

  test('with a loss that is no number teaches nothing and is counted; five in a row end learning', async () => {
    const broken = (example: JoinedExample, index: number): JoinedExample =>
      index % 30 < 15 ? { ...example, labels: example.labels.map(() => Infinity) } : example;
    const some = await learningOn(artifact);
    const before = await some.ranker.denseState();
    const few = stepsOf({ definition, log: log.slice(0, 10), change: broken });
    await some.learner.take(allAtOnce(few));
    await some.learner.flush();
    expect(some.learner.place.counts).toMatchObject({ notFinite: 1, batches: 1, rows: 0 });
    expect(await some.ranker.denseState()).toEqual(before);

    const all = stepsOf({ definition, log, change: (example) => broken(example, 0) });
    const doomed = await learningOn(artifact);
    const failing = (async () => {
      await doomed.learner.take(allAtOnce(all));
      await doomed.learner.settled();
    })();
    await expect(failing).rejects.toMatchObject({ code: 'training_diverged' });
    expect(doomed.engine.steps).toHaveLength(5);
    await expect(doomed.learner.settled()).rejects.toMatchObject({ code: 'training_diverged' });
  });
});

describe('examples', () => {
  test('of another ranker or definition, older than the version or unreadable are counted, not learned', async () => {
    const changes: readonly ((example: JoinedExample) => JoinedExample)[] = [
      (example) => ({ ...example, ranker: 'other' }),
      (example) => ({ ...example, fingerprint: 'other' }),
      (example) => ({ ...example, features: example.features.slice(0, 40) }),
      (example) => ({ ...example, features: encodeFeatureBatch({ ...artifact.golden.batch, columns: new Map() }) }),
      (example) => ({ ...example, labels: example.labels.slice(1) }),
      (example) => ({ ...example, time: log[0]!.time - 1 }),
    ];
    const odd = stepsOf({
      definition,
      log: log.slice(0, 60),
      change: (example, index) => changes[index % 10]?.(example) ?? example,
    });
    const { learner } = await learningOn(artifact, { known: { until: log[0]!.time - 1 } });
    await learner.take(allAtOnce(odd));
    await learner.flush();
    const { counts } = learner.place;
    expect(counts).toMatchObject({ foreign: 6, otherDefinition: 6, unreadable: 18, older: 6 });
    const rows = log.slice(0, 60).filter((_, index) => index % 10 >= 6);
    expect(counts.rows).toBe(rows.reduce((sum, { candidates }) => sum + candidates.length, 0));
  });

  test('that are older than the version change neither weights nor state', async () => {
    const untouched = await learningOn(artifact);
    const late = await learningOn(artifact, { known: { until: log.at(-1)!.time } });
    await late.learner.take(allAtOnce(steps));
    await late.learner.flush();
    expect(await late.ranker.trainingState()).toEqual(await untouched.ranker.trainingState());
    expect(Buffer.from(late.state.snapshot()).equals(untouched.state.snapshot())).toBe(true);
    expect(late.learner.place.counts.older).toBe(log.length);
  });
});

describe('a version sealed from the stream', () => {
  test('is learned on as if nothing had happened, though the log is read again from before it', async () => {
    const whole = await learned([allAtOnce(steps)], await learningOn(artifact));
    const half = Math.floor(steps.length / 2);
    const watermark = steps[half]!.time;
    const first = await learned([{ ...allAtOnce(steps.slice(0, half)), watermark }], await learningOn(artifact));
    const { place, waiting } = first.learner;
    const again = await learningOn(
      { ...artifact, state: first.state.snapshot() },
      { from: { place, waiting }, known: { watermark } },
    );
    await again.ranker.restore(await first.ranker.trainingState());
    again.windows.restore(first.windows.snapshot());
    await learned(cutAtRandom(steps.slice(Math.floor(half / 3)), 7), again);
    expect(await again.ranker.trainingState()).toEqual(await whole.ranker.trainingState());
    expect(Buffer.from(again.state.snapshot()).equals(whole.state.snapshot())).toBe(true);
    const { older, ...counts } = again.learner.place.counts;
    expect({ ...counts, older: 0 }).toEqual(whole.learner.place.counts);
    expect(older).toBeGreaterThan(10);
  });
});

describe('what was learned', () => {
  test('is told once: rows, the event time, and an even part of very many feedback times', async () => {
    const many = stepsOf({
      definition,
      log,
      change: (example) => ({
        ...example,
        feedbackTimes: Float64Array.from({ length: 20 }, (_, i) => example.time + i),
      }),
    });
    const { learner } = await learned([allAtOnce(many)], await learningOn(artifact));
    await learner.flush();
    const part = learner.takeLearned();
    expect(part.rows).toBe(log.reduce((sum, { candidates }) => sum + candidates.length, 0));
    expect(part.until).toBe(log.at(-1)!.time + 1000);
    expect(part.feedbackTimes.length).toBeGreaterThan(100);
    expect(part.feedbackTimes.length).toBeLessThan(256);
    expect(part.feedbackTimes[0]).toBe(log[0]!.time);
    expect(part.feedbackTimes.at(-1)!).toBeGreaterThan(log.at(-5)!.time);
    expect(learner.takeLearned()).toMatchObject({ rows: 0, until: part.until });
  });
});

describe('fake negatives', () => {
  const rules = [{ late: 'fake-negative-weighted' }, { late: 'ignore' }] as const;

  test('are weighed by what is predicted of them', () => {
    const weights = fakeNegativeWeights(rules, {
      labels: Float32Array.of(1, 3, 0, NaN, NaN, 2),
      predicted: Float32Array.of(0.25, 9, 0.5, 9, 0.9, 9),
    });
    expect([...weights]).toEqual([1.25, 1, 0.75, 1, 1, 1]);
    expect(weighsFakeNegatives(rules)).toBe(true);
    expect(weighsFakeNegatives([{ late: 'supplement' }, { late: 'ignore' }])).toBe(false);
  });

  test('with the weights, the expected gradient vanishes exactly at the true rate; without, at a lower one', () => {
    // Everything is learned as a negative at once; positives again as such. p of n rows turn out to be positive.
    const [rows, rate] = [1000, 0.3];
    const gradientAt = (predicted: number, weighted: boolean): number => {
      const labels = Float32Array.from({ length: rows * (1 + rate) }, (_, i) => (i < rows ? 0 : 1));
      const weights = fakeNegativeWeights([rules[0]], { labels, predicted: labels.map(() => predicted) });
      return labels.reduce((sum, label, i) => sum + (weighted ? weights[i]! : 1) * (predicted - label), 0) / rows;
    };
    expect(gradientAt(rate, true)).toBeCloseTo(0, 5);
    expect(gradientAt(rate - 0.05, true)).toBeLessThan(-0.01);
    expect(gradientAt(rate / (1 + rate), false)).toBeCloseTo(0, 5);
  });

  test('are learned with these weights where a task asks for them', async () => {
    const weighted: RankerDefinition = {
      ...definition,
      labels: { click: { late: 'fake-negative-weighted' } },
    };
    const part = log.slice(0, 8);
    const other = await linearArtifact(weighted);
    const before = await learningOn(other);
    const taken = stepsOf({ definition: weighted, log: part });
    const judged = await learned([allAtOnce(taken)], before);
    await judged.learner.flush();
    const { labels, predicted } = judged.windows.newest();
    // The loss as the paper writes it, by hand, over all rows; nothing was learned before them.
    let loss = 0;
    labels.forEach((label, at) => {
      if (at % 2 === 1) return;
      const f = predicted[at]!;
      loss -= label === 1 ? (1 + f) * Math.log(f) : (1 - f) * (1 + f) * Math.log(1 - f);
    });
    expect(judged.engine.steps).toHaveLength(1);
    expect(judged.learner.losses['click']!).toBeCloseTo(loss / (labels.length / 2), 4);
  });
});

describe('ids that keep changing', () => {
  test('leave nothing behind: rows and state of what is not met any more are dropped', async () => {
    const item = { ...definition.features['item_id']!, expire: '2d', min_count: 2 };
    const changing = {
      ...definition,
      features: { ...definition.features, item_id: item },
    } as RankerDefinition;
    // Every two days all items are others.
    const drifting = simulatedLog({ requests: 2400, seed: 5 }).map((request, index) => ({
      ...request,
      candidates: request.candidates.map((candidate) => ({
        ...candidate,
        item_id: `${Math.floor(index / 48)}-${String(candidate['item_id'])}`,
      })),
    }));
    const learning = await learningOn(await linearArtifact(changing));
    const sizes: { rows: number; cells: number }[] = [];
    for (let from = 0; from < drifting.length; from += 240) {
      const part = stepsOf({ definition: changing, log: drifting.slice(from, from + 240) });
      await learned([allAtOnce(part)], learning);
      sizes.push({
        rows: learning.ranker.learningTables().get('item_id')!.size,
        cells: learning.state.sizes().get('rate')!.cells,
      });
    }
    for (const { rows, cells } of sizes) {
      expect(rows).toBeLessThan(130);
      expect(cells).toBeLessThan(200);
    }
    const { counts } = learning.learner.place;
    expect(counts.expiredRows).toBeGreaterThan(1000);
    expect(counts.forgottenKeys).toBeGreaterThan(1000);
  });
});
