import { describe, expect, test } from '@jest/globals';
import { fingerprint, parseDefinition } from '../../src/definition/index.js';
import type { Problem } from '../../src/errors.js';
import { problemsOf, ranker, rankerText } from './builder.js';

const written = 'bias: {features: [position, device], positions: 10, dropout: 0.1}';
const withBias = (bias: string, more: Record<string, string> = {}): string =>
  rankerText({ [written]: bias === '' ? '' : `bias: ${bias}`, ...more });

const fingerprintOf = (bias: string): string => fingerprint(parseDefinition(withBias(bias), 'films.yaml'));

describe('the treatment of the position', () => {
  test.each([
    '{kind: tower, features: [position, device], tasks: [click]}',
    '{features: [device], rate: 10}',
    '{kind: input, features: [position]}',
    '{kind: input, features: [position], positions: 5, dropout: 0.2, serve_as: missing}',
    '{kind: adversarial, features: [position], positions: 5, weight: 0.3, ramp: 0.5}',
    '{kind: adversarial, features: [position], ramp: 0}',
    '',
  ])('may be %s', (bias) => {
    expect(problemsOf(withBias(bias))).toEqual([]);
  });

  test.each([
    ['{kind: towr, features: [position]}', [['kind', /not allowed/]]],
    ['{kind: input, features: [position, device]}', [['features', /the position alone/]]],
    ['{kind: adversarial, features: [device]}', [['features', /the position alone/]]],
    ['{kind: input, features: [position], serve_as: missing}', [['serve_as', /never met/]]],
    ['{kind: adversarial, features: [position], weight: 0}', [['weight', /> 0/]]],
    ['{kind: adversarial, features: [position], ramp: 2}', [['ramp', /<= 1/]]],
    ['{kind: input, features: [position], rate: 3}', [['rate', /belongs to kind: tower/]]],
    ['{features: [position], serve_as: first}', [['serve_as', /belongs to kind: input/]]],
    ['{features: [position], weight: 1, ramp: 1}', [['weight', /adversarial/], ['ramp', /adversarial/]]], // prettier-ignore
    ['{features: [device], positions: 4}', [['positions', /no effect/]]],
    ['{features: [position, position]}', [['features', /duplicate/]]],
    ['{features: [position], tasks: [click, click]}', [['tasks', /duplicate/]]],
  ] as const)('is refused as %s', (bias, expected) => {
    const found = problemsOf(withBias(bias));
    expect(found.map(({ path }) => path.split('bias.')[1])).toEqual(expected.map(([key]) => key));
    expected.forEach(([, message], at) => expect(found[at]?.message).toMatch(message));
  });

  test('is told all that is wrong with it at once', () => {
    const found = problemsOf(
      withBias(
        '{kind: adversarial, features: [device], positions: 5, dropout: 0.1, tasks: [clik], serve_as: missing}',
        { 'kind: mmoe, experts: 4, expert_layers: [16]': 'kind: independent', ', gate_dropout: 0.1': '' },
      ),
    );
    expect(found.map(({ path }) => path.split('bias.')[1]).sort()).toEqual(
      ['dropout', 'features', 'kind', 'positions', 'serve_as', 'tasks', 'tasks'].sort(),
    );
  });

  test('can hide the position only where tasks share layers', () => {
    const network = (text: string): readonly Problem[] =>
      problemsOf(
        withBias('{kind: adversarial, features: [position]}', {
          'network: {kind: mmoe, experts: 4, expert_layers: [16], towers: [8], gate_dropout: 0.1}': `network: ${text}`,
        }),
      );
    expect(network('{kind: shared_bottom, bottom: [8]}')).toEqual([]);
    expect(network('{kind: mmoe, bottom: [8], expert_layers: [4]}')).toEqual([]);
    for (const none of ['{kind: shared_bottom}', '{kind: independent, bottom: [8]}']) {
      expect(network(none).map(({ message }) => message)).toEqual([expect.stringMatching('all tasks share')]);
    }
  });
});

describe('the fingerprint', () => {
  test('of a tower is what it was before there was anything else', () => {
    expect(fingerprint(ranker())).toBe('b9017840f63a5a24');
    expect(fingerprintOf('{kind: tower, features: [position, device], positions: 10, dropout: 0.1}')).toBe(
      'b9017840f63a5a24',
    );
  });

  test('tells the treatments apart, and what is served of them; how they are trained leaves it alone', () => {
    const kinds = ['', '{features: [position]}', '{kind: input, features: [position]}', '{kind: adversarial, features: [position]}']; // prettier-ignore
    expect(new Set(kinds.map(fingerprintOf)).size).toBe(4);
    const input = fingerprintOf('{kind: input, features: [position]}');
    expect(fingerprintOf('{kind: input, features: [position], serve_as: first, dropout: 0.1}')).toBe(input);
    expect(fingerprintOf('{kind: input, features: [position], serve_as: missing, dropout: 0.1}')).not.toBe(input);
    expect(fingerprintOf('{kind: adversarial, features: [position], weight: 0.1, ramp: 0}')).toBe(
      fingerprintOf('{kind: adversarial, features: [position]}'),
    );
  });
});
