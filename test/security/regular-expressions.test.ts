import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import ts from 'typescript';
import { cpuTimeMs } from '../cpu-time.js';

/** Where what is sent, or lies in files that others write, is read. */
const folders = ['src'];

interface Found {
  readonly where: string;
  readonly source: string;
  readonly flags: string;
}

const sourcesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));

/** Every regular expression that is written in a file, and every `pattern` of a schema. */
const expressionsOf = (file: string): Found[] => {
  const found: Found[] = [];
  const tree = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const visit = (node: ts.Node): void => {
    const where = `${file}:${tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf('/');
      found.push({ where, source: node.text.slice(1, end), flags: node.text.slice(end + 1).replace(/[gy]/g, '') });
    } else if (
      ts.isPropertyAssignment(node) &&
      node.name.getText() === 'pattern' &&
      ts.isStringLiteralLike(node.initializer)
    )
      found.push({ where, source: node.initializer.text, flags: 'u' });
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
};

/** What repeats: every character of the expression, and one of each kind, alone and in pairs with its neighbours. */
const pumpsOf = (source: string): readonly string[] => {
  const literal = source.replace(/\\([dDwWsSbBnrtpP]|u[0-9a-fA-F]{4})/g, '').replace(/[\\^$*+?()|]/g, '');
  const characters = new Set([
    ...Array.from(literal.slice(0, 40)),
    'a',
    'Z',
    '0',
    ' ',
    '\t',
    '\n',
    '.',
    '-',
    '_',
    '/',
    ':',
    '=',
    'é',
  ]);
  const pairs = Array.from(literal.slice(0, 12)).map((character, at) => character + (literal[at + 1] ?? 'a'));
  return [...characters, ...pairs];
};
const ends = ['\u0000', '!', ''];

/** The processor's time for one look, in milliseconds; the best of three, because its collector may work meanwhile. */
const timeOf = (expression: RegExp, text: string): number => {
  const once = (): number => {
    const before = cpuTimeMs();
    expression.test(text);
    return cpuTimeMs() - before;
  };
  const first = once();
  return first > 20 ? Math.min(first, once(), once()) : first;
};

/** Ever longer, so that what grows faster than its text is found before it hangs. */
const lengths = [12, 18, 24, 32, 40, 48, 64, 96, 200, 1000, 4000, 16_000];
/** 16,000 squared is a second. */
const slowMs = 60;

const slowest = ({ source, flags }: Found): string | undefined => {
  const expression = new RegExp(source, flags);
  for (const pump of pumpsOf(source))
    for (const end of ends)
      for (const length of lengths) {
        const text = pump.repeat(Math.ceil(length / pump.length)) + end;
        const ms = timeOf(expression, text);
        if (ms > slowMs) return `${JSON.stringify(pump)} × ${length}: ${Math.round(ms)} ms`;
      }
  return undefined;
};

test('no regular expression takes longer than its text is long', () => {
  const all = folders.flatMap(sourcesOf).flatMap(expressionsOf);
  expect(all.length).toBeGreaterThan(50);
  const slow = all.flatMap((each) => {
    const how = slowest(each);
    return how === undefined ? [] : [`${each.where} /${each.source}/ ${how}`];
  });
  expect(slow).toEqual([]);
}, 240_000);

test('one that does would be found', () => {
  const found = ['^(a+)+$', '\\s+$', '(x+x+)+y', '^(\\d+)*-$', '.*=.*='].map((source) => [
    source,
    slowest({ where: '', source, flags: '' }) !== undefined,
  ]);
  expect(found).toEqual(found.map(([source]) => [source, true]));
});

test('those that meet a megabyte take milliseconds', () => {
  for (const source of ['^[\\w.-]{1,128}$', '^wn_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$', '^[\\p{L}_][\\p{L}\\p{N}_.-]*$'])
    for (const text of ['a'.repeat(2 ** 20) + '!', `wn_${'0'.repeat(2 ** 20)}`])
      expect([source, timeOf(new RegExp(source, 'u'), text) < 100]).toEqual([source, true]);
});
