import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { baselineNames, baselineWords, measureWords } from '../../training/evaluate/index.js';
import { headlines } from '../../training/evaluate/measure.js';

const page = readFileSync('docs/training.md', 'utf8');

test('every measure and baseline that a table shows is explained, and docs/training.md says the same', () => {
  expect(Object.keys(measureWords).sort()).toEqual([...headlines.binary, ...headlines.regression].sort());
  expect(Object.keys(baselineWords)).toEqual([...baselineNames]);
  for (const [name, words] of Object.entries(measureWords)) expect(page).toContain(`| ${name} | ${words} |`);
  for (const [name, words] of Object.entries(baselineWords)) expect(page).toContain(`| \`${name}\` | ${words} |`);
});
