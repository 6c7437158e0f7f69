import { expect, test } from '@jest/globals';
import { parseDefinition, type RankerDefinition } from '../../src/definition/index.js';
import { singleTaskDefinition } from '../../training/evaluate/baselines.js';
import { smallRanker } from '../fit/world.js';

test.each([
  ['tower', { features: ['position', 'device'], positions: 3 }, true],
  ['input', { kind: 'input', features: ['position'], positions: 3 }, true],
  // It would read what tasks share.
  ['adversarial', { kind: 'adversarial', features: ['position'], positions: 3 }, false],
] as [string, NonNullable<RankerDefinition['bias']>, boolean][])(
  'one network per task is a valid ranker beside the position as %s',
  (_, bias, kept) => {
    const single = singleTaskDefinition({ ...smallRanker(), bias });
    expect(parseDefinition(JSON.stringify(single), 'single.yaml')).toEqual(single);
    expect(single.bias).toEqual(kept ? bias : undefined);
  },
);
