import { baselineWords } from '../training/evaluate/index.js';

/** Under tables of measures, for who meets them for the first time. */
export const measuresHint = [
  '± is a 95 % interval. Beside the ranker:',
  ...Object.entries(baselineWords).map(([name, words]) => `  ${name.padEnd(12)}${words}`),
  'What each measure says: docs/training.md, What the measures say.\n',
].join('\n');
