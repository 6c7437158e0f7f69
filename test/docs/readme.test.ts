import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { inputLayout } from '../../src/features/index.js';
import { metricRules, parseDefinition } from '../../src/definition/index.js';
import { readConfiguration } from '../../src/experiments/index.js';

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

test('what the README puts before people is about its ranker: heads, metrics and arms', () => {
  const definition = parseDefinition(blocks('yaml')[0]!, 'README.md');
  const experiments = blocks('json').find((json) => json.includes('watchnext.score'))!;
  const configuration = readConfiguration(JSON.parse(experiments), 'README.md');
  const [experiment] = configuration.experiments;
  const heads = configuration.settings.flatMap(({ weights = {} }) => Object.keys(weights));
  expect(heads.length).toBeGreaterThan(0);
  expect(Object.keys(definition.tasks)).toEqual(expect.arrayContaining(heads));
  const [, ranker, engagement, satisfaction, key, arm] =
    /tune (\w+) --engagement (\w+) --satisfaction (\w+) .*experiments\.json:(\w+)\/(\w+)/.exec(readme)!;
  expect(ranker).toBe(definition.name);
  expect(metricRules(definition).map(({ name }) => name)).toEqual(expect.arrayContaining([engagement, satisfaction]));
  expect([key, experiment!.arms.map(({ key: each }) => each)]).toEqual([
    experiment!.key,
    expect.arrayContaining([arm]),
  ]);
});

test('the README’s programs are there', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const named = [...readme.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name!);
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});

test('the answer of the README is JSON', () => {
  for (const json of blocks('json')) expect(() => JSON.parse(json) as unknown).not.toThrow();
});

test.each(['README.md', 'docs/architecture.md', 'docs/lab-log.md'])('every link of %s leads somewhere', (file) => {
  const links = [...readFileSync(file, 'utf8').matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, link]) => link!);
  const broken = links.filter((link) => !/^https?:/.test(link) && !existsSync(join(dirname(file), link)));
  expect(broken).toEqual([]);
});
