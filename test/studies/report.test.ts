import { describe, expect, test } from '@jest/globals';
import {
  buildIndex,
  buildStudyReport,
  effectsOf,
  intervalPlot,
  intervalText,
  judgeClaims,
  levelsOf,
  noTally,
  type Replicate,
  type StudyResult,
} from '../../training/studies/index.js';

const run = { command: 'watchnext study trial --seed 7', seconds: 61.3, cpu: 'A CPU', cores: 2, node: '20.0.0' };
const replicate = (seed: number, gain: number): Replicate => ({
  seed,
  arms: ['old', 'new'].map((arm) => ({
    arm,
    days: [
      {
        expected: {
          ...noTally.expected,
          requests: 10,
          ratings: 5,
          ratingSum: 20,
          likes: 3,
          dismissals: 1,
          watchSeconds: arm === 'old' ? 100 : 100 * (1 + gain),
        },
        // Nobody answered a survey.
        observed: { ...noTally.observed, requests: 10, likes: 3, dismissals: 1, watchSeconds: 90 },
      },
    ],
  })),
});

const resultOf = (gains: readonly number[]): StudyResult => {
  const replicates = gains.map((gain, at) => replicate(at, gain));
  const effects = effectsOf(replicates, { arm: 'new', control: 'old' });
  return {
    study: 'trial',
    title: 'A trial',
    question: 'Is new better?',
    seed: 7,
    short: false,
    setting: { worlds: gains.length },
    arms: ['old', 'new'].map((name) => ({ name, what: `the ${name} one`, levels: levelsOf(replicates, name) })),
    effects,
    claims: judgeClaims(
      [{ says: 'new is better', arm: 'new', control: 'old', measure: 'engagement', direction: 'up', published: 0.002 }],
      effects,
    ),
    findings: ['It is.'],
    tables: [],
  };
};

describe('the report of a study', () => {
  test('says what was found, with intervals, seed, run time and machine', () => {
    const { markdown, plots } = buildStudyReport(resultOf([0.01, 0.02, 0.03]), run);
    expect(markdown).toContain('`watchnext study trial --seed 7` runs it again');
    expect(markdown).toContain('Seed 7; 61 s on 2 cores (A CPU), Node 20.0.0.');
    // 2 % ± t(2) * 0.01 / sqrt(3), t = 4.302653.
    expect(markdown).toContain('+2.00 % (−0.48 % to +4.48 %)');
    expect(markdown).toContain('**does not show here**: the interval holds 0 |');
    for (const [name, svg] of plots) {
      expect(markdown).toContain(`](${name})`);
      expect(svg).toMatch(/^<svg/);
    }
    expect([...plots.keys()]).toEqual(['trial-engagement.svg', 'trial-satisfaction.svg']);
  });

  test('never says NaN: not of one world, nor of what nobody answered', () => {
    const { markdown, plots } = buildStudyReport(resultOf([0.01]), run);
    for (const text of [markdown, ...plots.values()]) expect(text).not.toMatch(/NaN|undefined|Infinity/);
    expect(markdown).toContain('one world: no interval');
  });

  test('marks the short form', () => {
    expect(buildStudyReport({ ...resultOf([0.01]), short: true }, run).markdown).toContain('can tell next to nothing');
  });

  test('has an index that gives each study a line', () => {
    const index = buildIndex([{ result: resultOf([0.01, 0.02]), run }]);
    expect(index).toContain('| [A trial](trial.md) | It is. | seed 7; 61 s |');
  });
});

test('an interval is written with its sign and in percent', () => {
  expect(intervalText({ estimate: -0.0123, low: -0.02, high: 0.004, replicates: 3 })).toBe(
    '−1.23 % (−2.00 % to +0.40 %)',
  );
});

test('an interval plot is the same bytes every time, and shows what was published only where something was', () => {
  const rows = [{ name: 'new', estimate: 1, low: 0.5, high: 1.5 }];
  const draw = (): string => intervalPlot({ title: 'A', unit: '%' }, rows);
  expect(draw()).toBe(draw());
  expect(draw()).not.toContain('published');
  expect(
    intervalPlot({ title: 'A', unit: '%' }, [{ name: 'new', estimate: 1, low: null, high: null, published: 2 }]),
  ).toContain('published');
});
