import { beforeAll, describe, expect, test } from '@jest/globals';
import type { LoadedArtifact } from '../../src/artifact/index.js';
import { featureFingerprint, type RankerDefinition } from '../../src/definition/index.js';
import type { Joined, JoinedExample } from '../../src/join/index.js';
import { createAgreement } from '../../training/stream/agreement.js';
import { rowWeights, weighed } from '../../training/stream/chosen.js';
import type { LearnerPlace } from '../../training/stream/place.js';
import { simulatedLog, smallRanker } from '../fit/world.js';
import { cutAtRandom, stepsOf, type Step } from './joined.js';
import { bitsOf, learningOn, linearArtifact, type Learning } from './ranker.js';

const training = { batch: 40, optimizer: { kind: 'sgd', rate: 0.05 } } as const;
const log = simulatedLog({ requests: 120, seed: 3 });
const rowsOf = (of: typeof log): number => of.reduce((sum, { candidates }) => sum + candidates.length, 0);
const [even, odd] = [log.filter((_, index) => index % 2 === 0), log.filter((_, index) => index % 2 === 1)];

type Learned = Pick<NonNullable<RankerDefinition['stream']>, 'arms' | 'rankers'>;
const learningFrom = (learned: Learned): RankerDefinition => ({
  ...smallRanker(training),
  stream: { batch_span: '1d', ...learned },
});

/** The version learned on from: what the stream teaches is no part of it. */
let sealed: LoadedArtifact;
beforeAll(async () => {
  sealed = await linearArtifact(learningFrom({}));
});
const onto = (learned: Learned): LoadedArtifact => ({ ...sealed, definition: learningFrom(learned) });

/** Requests are in the arms look/old and look/new by turns; see stepsOf. */
const steps = (change?: (example: JoinedExample, index: number) => JoinedExample): Step[] =>
  stepsOf({ definition: sealed.definition, log, ...(change && { change }) });
const allOf = (of: readonly Step[]): Joined => ({
  watermark: of.at(-1)!.time,
  outcomes: of.flatMap(({ outcomes }) => outcomes),
  examples: of.flatMap(({ example }) => (example === undefined ? [] : [example])),
});

async function learned(calls: readonly Joined[], learning: Learning): Promise<Learning> {
  for (const call of calls) await learning.learner.take(call);
  await learning.learner.flush();
  return learning;
}

describe('the arms whose rows are learned', () => {
  test('are those included and not excluded; feature state learns from all', async () => {
    const whole = await learned([allOf(steps())], await learningOn(onto({})));
    const onlyOld = await learned([allOf(steps())], await learningOn(onto({ arms: { include: ['look/old'] } })));
    const notOld = await learned([allOf(steps())], await learningOn(onto({ arms: { exclude: ['look/old', 'x/y'] } })));
    expect(whole.learner.place).toMatchObject({
      counts: { rows: rowsOf(log), otherArms: 0 },
      sources: { small: { rows: rowsOf(log), arms: { 'look/old': rowsOf(even), 'look/new': rowsOf(odd) } } },
    });
    expect(onlyOld.learner.place).toMatchObject({
      counts: { rows: rowsOf(even), otherArms: odd.length },
      sources: { small: { rows: rowsOf(even), arms: { 'look/old': rowsOf(even) } } },
    });
    expect(notOld.learner.place.sources).toEqual({ small: { rows: rowsOf(odd), arms: { 'look/new': rowsOf(odd) } } });
    for (const { state } of [onlyOld, notOld])
      expect(Buffer.from(state.snapshot()).equals(whole.state.snapshot())).toBe(true);
  });

  test('are learned as if the others had never been shown', async () => {
    const chosen = await learned([allOf(steps())], await learningOn(onto({ arms: { exclude: ['look/new'] } })));
    const only = steps().filter(({ example }) => example === undefined || example.arms['look'] === 'old');
    const alone = await learned([allOf(only)], await learningOn(onto({})));
    expect(await chosen.ranker.trainingState()).toEqual(await alone.ranker.trainingState());
  });

  test('weigh as they are told to: the factors of several arms multiply, and no arm counts 1', () => {
    const weightOf = rowWeights(
      learningFrom({
        arms: {
          include: ['a/x', 'b/y'],
          exclude: ['c/z'],
          weights: { 'a/x': 0.5, 'b/y': 4 },
        },
      }),
    );
    expect(weightOf({})).toBe(0);
    expect(weightOf({ a: 'x' })).toBe(0.5);
    expect(weightOf({ a: 'x', b: 'y' })).toBe(2);
    expect(weightOf({ a: 'x', b: 'y', c: 'z' })).toBe(0);
    expect(weightOf({ a: 'x', c: 'w' })).toBe(0.5);
    expect(rowWeights(learningFrom({ arms: { weights: { 'a/x': 3 } } }))({ b: 'y' })).toBe(1);
  });

  test('a row’s weight is on all of its tasks, on top of what is there', () => {
    const ofRequests = [
      [2, 1],
      [1, 3],
    ] as const;
    expect([...weighed(undefined, { ofRequests, tasks: 2 })!]).toEqual([1, 1, 1, 1, 3, 3]);
    expect([...weighed(Float32Array.of(2, 1, 1, 1, 0.5, 1), { ofRequests, tasks: 2 })!]).toEqual([2, 1, 1, 1, 1.5, 3]);
    expect(weighed(undefined, { ofRequests: [[2, 1]], tasks: 2 })).toBeUndefined();
  });

  test('a weight counts in the gradient: each unit of it moves the model as far as the one before', async () => {
    const one = steps((example) => ({ ...example, arms: { look: 'old' } })).filter(
      ({ example }) => example === undefined || example.sequence < 5,
    );
    const movedBy = async (weight: number): Promise<number[]> => {
      const arms = weight === 1 ? {} : { arms: { weights: { 'look/old': weight } } };
      const learning = await learningOn(onto(arms));
      const before = [...(await learning.ranker.denseState()).values()].flatMap((values) => [...values]);
      await learned([allOf(one)], learning);
      expect(learning.engine.steps).toHaveLength(1);
      const after = [...(await learning.ranker.denseState()).values()].flatMap((values) => [...values]);
      return after.map((value, at) => value - before[at]!);
    };
    // The engine has momentum from before, which no weight is on.
    const [once, twice, thrice] = [await movedBy(1), await movedBy(2), await movedBy(3)];
    const unit = twice.map((moved, at) => moved - once[at]!);
    expect(Math.max(...unit.map(Math.abs))).toBeGreaterThan(1e-3);
    thrice.forEach((moved, at) => expect(moved - twice[at]!).toBeCloseTo(unit[at]!, 6));
  });

  test('however the stream is cut, and wherever learning stops and goes on, the bits are the same', async () => {
    const artifact = onto({ arms: { exclude: ['look/none'], weights: { 'look/new': 0.25 } } });
    const rows = steps((example, index) => (index % 5 === 0 ? { ...example, arms: { look: 'none' } } : example));
    const whole = await learningOn(artifact);
    await whole.learner.take(allOf(rows));
    const bits = await bitsOf(whole);
    for (const seed of [1, 2, 3]) {
      const calls = cutAtRandom(rows, seed);
      const half = Math.floor((calls.length * seed) / 4);
      const first = await learningOn(artifact);
      for (const call of calls.slice(0, half)) await first.learner.take(call);
      await first.learner.settled();
      const place = JSON.parse(JSON.stringify(first.learner.place)) as LearnerPlace;
      const from = { place, waiting: first.learner.waiting };
      const second = await learningOn({ ...artifact, state: first.state.snapshot() }, { from });
      await second.ranker.restore(await first.ranker.trainingState());
      second.windows.restore(first.windows.snapshot());
      for (const call of calls.slice(half)) await second.learner.take(call);
      expect(await bitsOf(second)).toBe(bits);
    }
  });

  test('a place from before rows were counted by arm is gone on from', async () => {
    const { place } = (await learned([allOf(steps())], await learningOn(onto({})))).learner;
    const { sources, ...older } = place;
    const { otherArms, ...counts } = place.counts;
    expect([sources, otherArms]).not.toContain(undefined);
    const { learner } = await learningOn(onto({}), {
      from: { place: { ...older, counts } as unknown as typeof place, waiting: [] },
    });
    expect(learner.place).toMatchObject({ counts: { ...counts, otherArms: 0 }, sources: {} });
  });
});

describe('lists of other rankers', () => {
  const theirs = (): Step[] =>
    steps((example, index) => (index % 2 === 0 ? example : { ...example, ranker: 'other', fingerprint: 'theirs' }));

  test('are learned where they are named and their features agree, and say nothing of what this ranker served', async () => {
    const artifact = onto({ rankers: ['other'] });
    const asked: string[] = [];
    const agrees = ({ ranker, version, fingerprint }: Pick<JoinedExample, 'ranker' | 'version' | 'fingerprint'>) => {
      asked.push(`${ranker} ${version} ${fingerprint}`);
      return Promise.resolve(true);
    };
    const both = await learned([allOf(theirs())], await learningOn(artifact, { agrees }));
    const same = await learned([allOf(steps())], await learningOn(onto({})));
    expect(await both.ranker.trainingState()).toEqual(await same.ranker.trainingState());
    expect(new Set(asked)).toEqual(new Set(['other 20240101T000000Z-000000 theirs']));
    expect(both.learner.place.sources).toEqual({
      small: { rows: rowsOf(even), arms: { 'look/old': rowsOf(even) } },
      other: { rows: rowsOf(odd), arms: { 'look/new': rowsOf(odd) } },
    });
    expect(both.windows.versions()).toEqual(['20240101T000000Z-000000', 'other@20240101T000000Z-000000']);
    const { served } = both.windows.newest();
    expect(served.filter(Number.isNaN)).toHaveLength(2 * rowsOf(odd));
  });

  test('are passed over where nothing is said, nobody is named or features differ', async () => {
    const cases: [Learned, boolean | undefined, object][] = [
      [{}, true, { foreign: odd.length, otherDefinition: 0 }],
      [{ rankers: ['third'] }, true, { foreign: odd.length, otherDefinition: 0 }],
      [{ rankers: ['other'] }, false, { foreign: 0, otherDefinition: odd.length }],
      [{ rankers: ['other'] }, undefined, { foreign: 0, otherDefinition: odd.length }],
    ];
    for (const [from, answer, counts] of cases) {
      const options = answer === undefined ? {} : { agrees: () => Promise.resolve(answer) };
      const { learner } = await learned([allOf(theirs())], await learningOn(onto(from), options));
      expect(learner.place.counts).toMatchObject({ rows: rowsOf(even), ...counts });
    }
  });

  describe('agree', () => {
    const served = { ranker: 'other', version: '20240101T000000Z-aaaaaa+3', fingerprint: 'theirs' };
    const registry = (definition: RankerDefinition) => ({
      list: () =>
        Promise.resolve([
          {
            ranker: 'other',
            active: undefined,
            previous: [],
            versions: [
              {
                version: '20240101T000000Z-aaaaaa',
                manifest: { fingerprint: 'theirs', definition: { text: '', value: definition } } as never,
              },
            ],
          },
        ]),
    });
    const ask = async (definition: RankerDefinition, of = served) => {
      const trouble: string[] = [];
      const agrees = createAgreement({
        definition: learningFrom({ rankers: ['other'] }),
        artifacts: registry(definition),
        onTrouble: (message) => trouble.push(message),
      });
      return { answers: [await agrees(of), await agrees(of)], trouble };
    };

    test('where the features are the same, whatever network, score and name are', async () => {
      const other: RankerDefinition = {
        ...smallRanker(training),
        name: 'other',
        network: { kind: 'shared-bottom' } as unknown as RankerDefinition['network'],
        score: { form: 'sum', weights: { click: 1 } },
      };
      expect(await ask(other)).toEqual({ answers: [true, true], trouble: [] });
    });

    test('not where one feature reads something else, or the version is unknown; that is said once', async () => {
      const small = smallRanker(training);
      const longer = { ...small.features['seen']!, last: 6 } as RankerDefinition['features'][string];
      const other = { ...small, name: 'other', features: { ...small.features, seen: longer } };
      expect(await ask(other)).toEqual({ answers: [false, false], trouble: [expect.stringContaining('features')] });
      const unknown = { ...served, version: 'anything', fingerprint: 'unheard' };
      expect(await ask(small, unknown)).toEqual({
        answers: [false, false],
        trouble: [expect.stringContaining('other@anything')],
      });
    });

    test('by features in their order and the tasks that they name', () => {
      const small = smallRanker();
      const print = featureFingerprint(small);
      const reversed = Object.fromEntries(Object.entries(small.features).reverse());
      expect(featureFingerprint({ ...small, features: reversed })).not.toBe(print);
      const { click, watch } = small.tasks as Record<'click' | 'watch', RankerDefinition['tasks'][string]>;
      expect(featureFingerprint({ ...small, tasks: { click: { ...click, label: 'liked' }, watch } })).not.toBe(print);
      expect(featureFingerprint({ ...small, tasks: { click, watch: { ...watch, label: 'x' } } })).toBe(print);
    });
  });
});
