import { describe, expect, test } from '@jest/globals';
import { effectOption, power } from '../../cli/experiment/numbers.js';

const effect = (text: string): unknown => effectOption().parseArg?.(text, undefined);

describe('an effect', () => {
  test.each([
    ['2%', 0.02],
    ['0.02', 0.02],
    ['150%', 1.5],
  ])('of %s is %d', (text, part) => {
    expect(effect(text)).toBe(part);
  });

  test('without a sign is not taken for hundreds of percent', () => {
    expect(() => effect('5')).toThrow('must say what it is a part of: 5% or 0.05');
  });

  test.each(['0', '-2%', '1000%', 'much', '%', ''])('of "%s" is refused', (text) => {
    expect(() => effect(text)).toThrow('must be a part above 0');
  });
});

test('a power is below 100 %', () => {
  expect(power('80%')).toBe(0.8);
  expect(() => power('80')).toThrow('80% or 0.8');
  expect(() => power('100%')).toThrow('below 100%');
});
