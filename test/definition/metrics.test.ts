import { describe, expect, test } from '@jest/globals';
import { fingerprint, metricRules, parseDefinition } from '../../src/definition/index.js';
import { problemsOf, ranker, rankerText } from './builder.js';

const withMetrics = (metrics: string): string => `${rankerText()}metrics:\n${metrics}\n`;
const rulesOf = (metrics: string) => metricRules(parseDefinition(withMetrics(metrics)));

describe('the metrics of a ranker', () => {
  test('are as declared, with nothing left out', () => {
    expect(
      rulesOf(`  seen: {of: [watch, play], take: mean, several: largest, over: length, direction: up}
  hidden: {of: dismiss, take: any, per: request, direction: down, guardrail: 0.02}`),
    ).toEqual([
      {
        name: 'seen',
        of: ['watch', 'play'],
        take: 'mean',
        per: 'event',
        several: 'largest',
        over: 'length',
        direction: 'up',
        guardrail: undefined,
      },
      {
        name: 'hidden',
        of: ['dismiss'],
        take: 'any',
        per: 'request',
        several: 'each',
        over: undefined,
        direction: 'down',
        guardrail: 0.02,
      },
    ]);
  });

  test('come from the labels where none are declared: items clicked and time watched per user', () => {
    expect(metricRules(ranker())).toEqual([
      { name: 'click', of: ['click'], take: 'count', per: 'user', several: 'last', direction: 'up' },
      { name: 'watch', of: ['watch'], take: 'sum', per: 'user', several: 'last', direction: 'up' },
    ]);
  });

  test('add time watched where no task learns it, and completion where a feature reads the duration', () => {
    const definition = parseDefinition(`name: films
features:
  item_id: {kind: id, scope: candidate, dim: 4}
  how_long: {kind: number, scope: candidate, from: duration}
tasks:
  like: {kind: binary, label: liked}
  hide: {kind: binary, label: hidden}
  stars: {kind: regression, label: stars}
network: {kind: independent}
score: {form: sum, weights: {like: 1, hide: -1}}
labels: {hide: {on: [dismiss, mute]}, stars: {on: rating}}
`);
    expect(
      metricRules(definition).map(({ name, of, take, per, over, direction }) => [
        name,
        of.join('+'),
        take,
        per,
        over,
        direction,
      ]),
    ).toEqual([
      ['like', 'like', 'count', 'user', undefined, 'up'],
      ['hide', 'dismiss+mute', 'count', 'user', undefined, 'down'],
      ['stars', 'rating', 'mean', 'event', undefined, 'up'],
      ['watch_time', 'watch', 'sum', 'user', undefined, 'up'],
      ['completion', 'watch', 'mean', 'event', 'duration', 'up'],
    ]);
  });

  test('are refused with all that is wrong with them at once', () => {
    const found = problemsOf(
      withMetrics(`  a: {of: watch, take: mean, per: user, direction: up}
  b: {of: watch, take: sum, per: event, direction: up}
  c: {of: click, take: any, several: last, over: length, direction: up}
  d: {of: watch, take: sum, over: lenght, direction: up}
  e: {of: watch, take: total, direction: up}
  f: {of: watch, take: sum, direction: up, guardrail: 2}`),
    );
    expect(found.map(({ path }) => path.replace(/^.* /, '')).sort()).toEqual([
      'metrics.a.per',
      'metrics.b.per',
      'metrics.c.over',
      'metrics.c.several',
      'metrics.d.over',
      'metrics.e.take',
      'metrics.f.guardrail',
    ]);
    expect(found.find(({ path }) => path.endsWith('d.over'))?.hint).toContain('did you mean length?');
  });

  test('leave the fingerprint as it is: no version is trained anew for them', () => {
    const text = withMetrics('  clicks: {of: click, take: count, direction: up}');
    expect(fingerprint(parseDefinition(text))).toBe(fingerprint(ranker()));
  });
});
