import { expect, test } from '@jest/globals';
import { fingerprint, parseDefinition, streamSettings } from '../../src/definition/index.js';
import { ranker, rankerText } from './builder.js';

const withStream = (stream: string): string => `${rankerText()}stream: ${stream}\n`;
const problemsOf = (stream: string): string[] => {
  try {
    parseDefinition(withStream(stream));
  } catch (error) {
    const { problems } = error as { problems: readonly { path: string; message: string; hint?: string }[] };
    return problems.map(({ path, message, hint }) => `${path}: ${message} (${hint ?? ''})`);
  }
  return [];
};

test('what the stream teaches may be said by arms and rankers, and is no part of the fingerprint', () => {
  const definition = parseDefinition(
    withStream(
      '{arms: {include: [net/wide, w/a], exclude: [look/odd one], weights: {w/a: 0.5, w/b: 10}}, rankers: [films_b]}',
    ),
  );
  expect(streamSettings(definition)).toMatchObject({
    arms: { include: ['net/wide', 'w/a'], exclude: ['look/odd one'], weights: { 'w/a': 0.5, 'w/b': 10 } },
    rankers: ['films_b'],
  });
  expect(streamSettings(ranker())).toMatchObject({
    arms: { include: undefined, exclude: [], weights: {} },
    rankers: [],
  });
  expect(fingerprint(definition)).toBe(fingerprint(ranker()));
});

test('arms that are none, weights out of bounds and empty lists are all told at once', () => {
  const problems = problemsOf(
    '{arms: {include: [wide], exclude: [], weights: {net/wide: 0, net/small: 11}}, rankers: [Films, a, a]}',
  );
  expect(problems).toEqual([
    expect.stringMatching(/stream\.arms\.include\.0: "wide" is not an arm, written as experiment\/arm/),
    expect.stringMatching(/stream\.arms\.exclude: must not be empty/),
    expect.stringMatching(/stream\.arms\.weights\.net\/wide: 0 must be > 0 .*at most 10/),
    expect.stringMatching(/stream\.arms\.weights\.net\/small: 11 must be <= 10/),
    expect.stringMatching(/stream\.rankers\.0: "Films"/),
    expect.stringMatching(/stream\.rankers: .*duplicate/),
  ]);
});

test('what contradicts itself is told, all of it', () => {
  const problems = problemsOf(
    '{arms: {include: [net/wide, net/small], exclude: [net/small], weights: {net/small: 2, wide: 1}}, rankers: [films]}',
  );
  expect(problems).toEqual([
    expect.stringMatching(/stream\.rankers\.0: "films" is this ranker/),
    expect.stringMatching(/stream\.arms\.exclude\.0: "net\/small" is in include, too/),
    expect.stringMatching(/stream\.arms\.weights\.net\/small: "net\/small" is excluded: its weight has no effect/),
    expect.stringMatching(/stream\.arms\.weights\.wide: "wide" is not an arm/),
  ]);
});
