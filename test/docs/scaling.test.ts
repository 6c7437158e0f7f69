import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { catalogue } from '../../src/errors.js';
import { settingSources } from '../../src/settings.js';
import { metricCatalogue } from '../../src/telemetry/index.js';

const page = readFileSync('docs/scaling.md', 'utf8');
const named = (pattern: RegExp): string[] => [...new Set([...page.matchAll(pattern)].map(([, name]) => name!))];

test('the page on scaling names metrics, settings, errors, files and commands that there are', () => {
  const metrics = named(/`(watchnext_\w+)/g);
  expect(metrics.length).toBeGreaterThan(10);
  expect(metrics.filter((name) => !(name in metricCatalogue))).toEqual([]);
  const flags = settingSources.map(({ flag }) => flag);
  expect(named(/(?<![\w-])(--[a-z][a-z-]+)/g).filter((flag) => !flags.includes(flag))).toEqual([]);
  expect(named(/503\s+`(\w+)`/g).filter((code) => !(code in catalogue))).toEqual([]);
  expect(named(/`(test\/[\w/.-]+\.ts)`/g).filter((path) => !existsSync(path))).toEqual([]);
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  expect(named(/npm run ([\w:]+)/g).filter((name) => !(name in scripts))).toEqual([]);
});
