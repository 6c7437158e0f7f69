import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { inputLayout } from '../../src/features/index.js';
import { parseDefinition } from '../../src/definition/index.js';

const readme = readFileSync('README.md', 'utf8');
const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, block]) => block!);

test('the ranker of the README is valid as it stands', () => {
  const [yaml] = blocks('yaml');
  const definition = parseDefinition(yaml!, 'README.md');
  expect(inputLayout(definition).tables.map(({ name }) => name)).toEqual(['user_id', 'item_id', 'genre']);
});

test('one’s own logs take 20 lines of YAML and SQL', () => {
  const lines = [...blocks('yaml'), ...blocks('sql')].join('').trim().split('\n');
  expect(lines.length).toBeLessThanOrEqual(21);
});

test('the answer of the README is JSON', () => {
  for (const json of blocks('json')) expect(() => JSON.parse(json) as unknown).not.toThrow();
});

test.each(['README.md', 'docs/architecture.md', 'docs/lab-log.md'])('every link of %s leads somewhere', (file) => {
  const links = [...readFileSync(file, 'utf8').matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, link]) => link!);
  const broken = links.filter((link) => !/^https?:/.test(link) && !existsSync(join(dirname(file), link)));
  expect(broken).toEqual([]);
});
