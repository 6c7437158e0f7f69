import { describe, expect, test } from '@jest/globals';
import type { Sources } from '../../src/artifact/index.js';
import { contamination, mixedExperiments } from '../../training/stream/contamination.js';

const v1 = '20260101T000000Z-aaaaaa';
const v2 = '20260101T000000Z-bbbbbb';
const manifest = (ranker: string, version: string, sources?: Sources) => ({
  ranker,
  version,
  trainer: { steps: 5, ...(sources && { sources }) },
});
const twoRankers = { old: { ranker: 'films', version: `${v1}+17` }, new: { ranker: 'films_b', version: v2 } };

describe('contamination of an experiment', () => {
  test('is found where an arm’s model learned from what the other arm showed', () => {
    const found = contamination({
      experiment: 'net',
      arms: twoRankers,
      manifests: [
        manifest('films', v1, { films: { rows: 1000, arms: { 'net/old': 600, 'net/old2': 0, 'x/y': 50 } } }),
        manifest('films_b', v2, {
          films_b: { rows: 600, arms: { 'net/new': 600 } },
          films: { rows: 1000, arms: { 'net/old': 400, 'network/old': 9000 } },
        }),
      ],
    });
    expect(found).toEqual([
      {
        kind: 'mixed',
        arms: ['new'],
        ranker: 'films_b',
        version: v2,
        own: 600,
        others: { old: 400 },
        share: 0.4,
        message: expect.stringMatching(/^films_b@.*40 %.*old 400.*include: \[net\/new\]/s),
      },
    ]);
  });

  test('is not found up to the stated share, nor where nothing of the experiment was learned', () => {
    const learned = manifest('films_b', v2, {
      films_b: { rows: 900, arms: { 'net/new': 900 } },
      films: { rows: 100, arms: { 'net/old': 100 } },
    });
    const of = (mostShare?: number) =>
      contamination({
        experiment: 'net',
        arms: twoRankers,
        manifests: [manifest('films', v1), learned],
        ...(mostShare !== undefined && { mostShare }),
      });
    expect(of()).toEqual([]);
    expect(of(0.05)).toMatchObject([{ kind: 'mixed', share: 0.1 }]);
    expect(
      contamination({ experiment: 'other', arms: twoRankers, manifests: [manifest('films', v1), learned] }),
    ).toEqual([]);
  });

  test('a version that is pinned beside the one that learns on is another model: its rows are others’', () => {
    const found = contamination({
      experiment: 'net',
      arms: { still: { ranker: 'films', version: v1 }, fresh: { ranker: 'films', version: v2 } },
      manifests: [
        manifest('films', v1),
        manifest('films', v2, { films: { rows: 200, arms: { 'net/still': 100, 'net/fresh': 100 } } }),
      ],
    });
    expect(found).toMatchObject([{ kind: 'mixed', arms: ['fresh'], own: 100, others: { still: 100 }, share: 0.5 }]);
  });

  test('one model for several arms is said, and is no mixture', () => {
    const found = contamination({
      experiment: 'weights',
      arms: {
        a: { ranker: 'films', version: v1 },
        b: { ranker: 'films', version: `${v1}+3` },
      },
      manifests: [manifest('films', v1, { films: { rows: 200, arms: { 'weights/a': 100, 'weights/b': 100 } } })],
    });
    expect(found).toMatchObject([{ kind: 'shared', arms: ['a', 'b'], own: 200, others: {}, share: 0 }]);
  });

  test('a version that is not there is said to be unknown', () => {
    expect(contamination({ experiment: 'net', arms: twoRankers, manifests: [manifest('films', v1)] })).toMatchObject([
      { kind: 'unknown', ranker: 'films_b', version: v2 },
    ]);
    expect(contamination({ experiment: 'net', arms: {}, manifests: [] })).toEqual([]);
  });
});

describe('a learner by itself', () => {
  test('finds experiments in which it learned from arms that only others served', () => {
    const sources: Sources = {
      films: { rows: 900, arms: { 'net/old': 500, 'weights/a': 400, 'weights/b': 300 } },
      films_b: { rows: 700, arms: { 'net/new': 500, 'weights/a': 350, 'third/x': 100 } },
    };
    expect(mixedExperiments('films', sources)).toEqual([{ experiment: 'net', own: 500, others: { new: 500 } }]);
    expect(mixedExperiments('films', sources, 0.5)).toEqual([]);
    expect(mixedExperiments('unheard', sources)).toEqual([]);
    expect(mixedExperiments('films', {})).toEqual([]);
  });
});
