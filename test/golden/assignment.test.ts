import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { readConfiguration } from '../../src/experiments/index.js';

interface Golden {
  readonly payload: unknown;
  readonly cases: readonly {
    readonly user: string | number;
    readonly attributes: Readonly<Record<string, unknown>>;
    readonly arms: Readonly<Record<string, string>>;
  }[];
}

const golden = JSON.parse(readFileSync(new URL('./assignments-v1.json', import.meta.url), 'utf8')) as Golden;

describe('users fall into these arms for ever', () => {
  const { assign } = readConfiguration(golden.payload, 'assignments-v1.json');
  test.each(golden.cases)('$user with $attributes: $arms', ({ user, attributes, arms }) => {
    expect(assign({ userId: user, attributes }).arms).toEqual(arms);
  });
});
