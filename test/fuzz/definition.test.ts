import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { fingerprint, parseDefinition } from '../../src/definition/index.js';
import { WatchnextError } from '../../src/errors.js';
import { inputLayout } from '../../src/features/index.js';
import { fuzzReader } from './damage.js';
import { cpuTimeMs } from '../cpu-time.js';

const seed = 8;
const texts = ['models/demo/ranker.yaml', 'models/kuairand/ranker.yaml'].map((file) => readFileSync(file, 'utf8'));

/** As whoever loads a definition does: what passed must be usable. */
const read = (text: string): 'valid' | 'refused' => {
  try {
    const definition = parseDefinition(text);
    fingerprint(definition);
    inputLayout(definition);
    return 'valid';
  } catch (error) {
    if (!(error instanceof WatchnextError)) throw error;
    expect(error.code).toBe('definition_invalid');
    expect(error.problems.length).toBeGreaterThan(0);
    for (const { path, message } of error.problems) {
      expect(path).toMatch(/^ranker\.yaml:\d+/);
      expect(message).not.toBe('');
    }
    return 'refused';
  }
};

describe('a ranker.yaml', () => {
  test.each(texts.map((text) => [/^name: (\w+)/m.exec(text)?.[1] ?? '', text]))(
    'of %s with damaged bytes is valid or refused with places',
    (_, text) => {
      const codes = ['definition_invalid'] as const;
      const parse = (bytes: Buffer): unknown => {
        if (read(bytes.toString('utf8')) === 'refused')
          throw new WatchnextError('definition_invalid', 'refused', { problems: [] });
        return undefined;
      };
      const counts = fuzzReader({ of: Buffer.from(text), read: parse, seed, runs: 60, codes });
      expect(Math.min(counts.read, counts.refused)).toBeGreaterThan(0);
    },
  );
});

/** Every place of a value. */
const placesOf = (value: unknown): (string | number)[][] =>
  typeof value !== 'object' || value === null
    ? [[]]
    : [[], ...Object.entries(value).flatMap(([key, inner]) => placesOf(inner).map((place) => [key, ...place]))];

describe('a definition with something else in one place', () => {
  test('is valid or refused with the place', () => {
    const whole = parseDefinition(texts[0]!) as unknown;
    const places = placesOf(whole).filter((place) => place.length > 0);
    const strange = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(
        -1,
        0,
        0.5,
        1e9,
        1e308,
        2 ** 53,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        -0,
        '',
        ' ',
        '1',
        '1d',
        '-1d',
      ),
      fc.constantFrom(null, [], {}, true, '__proto__', 'constructor', 'user_id', 'é'.repeat(100), 'x'.repeat(100_000)),
    );
    const outcomes = { valid: 0, refused: 0 };
    fc.assert(
      fc.property(
        fc.constantFrom(...places),
        strange,
        fc.constantFrom('replaced', 'added', 'renamed'),
        (place, value, how) => {
          const copy = structuredClone(whole) as Record<string, unknown>;
          let inner = copy;
          for (const key of place.slice(0, -1)) inner = inner[key] as Record<string, unknown>;
          const key = place.at(-1)!;
          if (how === 'replaced') inner[key] = value;
          else if (how === 'added') inner[`${key}x`] = value;
          else {
            inner[JSON.stringify(value).slice(0, 20)] = inner[key];
            Reflect.deleteProperty(inner, key);
          }
          outcomes[read(stringify(copy))]++;
        },
      ),
      { seed, numRuns: 150 },
    );
    expect(Math.min(outcomes.valid, outcomes.refused)).toBeGreaterThan(5);
  });
});

const nested = (open: string, close: string, depth: number): string => open.repeat(depth) + close.repeat(depth);

describe('hostile YAML is refused in seconds:', () => {
  test.each([
    ['an alias before its anchor', 'name: *later\nx: &later 1'],
    ['an alias of nothing', 'name: *nothing'],
    ['an anchor that holds itself', 'a: &a [*a]'],
    ['a merge of what is no mapping', 'a: &a 1\nb:\n  <<: *a'],
    [
      'aliases of aliases',
      `a0: &a0 [x]\n${Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`).join('\n')}`,
    ],
    [
      'merges of merges',
      `a0: &a0 {x: 1}\n${Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} {<<: [${`*a${i},`.repeat(9)}]}`).join('\n')}`,
    ],
    ['lists 100,000 deep', nested('[', ']', 100_000)],
    ['mappings 20,000 deep', nested('{a: ', '}', 20_000)],
    ['indentation 2,000 deep', Array.from({ length: 2000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['sequences 10,000 deep', '- '.repeat(10_000)],
    ['open brackets', '['.repeat(50_000)],
    ['open quotes', '"\\u'.repeat(20_000)],
    ['tabs', '\t'.repeat(50_000)],
    ['zeros', '\0'.repeat(50_000)],
    ['question marks', '? '.repeat(20_000)],
    ['colons', ':\n'.repeat(20_000)],
    ['keys that are mappings', '{{a: 1}: 2}'],
    ['a key called __proto__', '__proto__: {name: x}\nname: y'],
    ['several documents', 'name: a\n---\nname: b\n'.repeat(1000)],
    ['tags of other languages', 'name: !!js/function "function () { process.exit(1) }"\nx: !!binary "////"'],
    ['directives', '%YAML 9.9\n%TAG ! tag:example.com,2000:\n---\nname: !x y'],
    ['megabytes', `name: ${'x'.repeat(3_000_000)}`],
    ['one duplicated key', 'a: 1\n'.repeat(20_000)],
    ['nothing', ''],
    ['a text', 'hello'],
    ['a number', '7'],
    ['a list', '- 1'],
    ['a lone surrogate', 'name: "\ud800"'],
  ])('%s', (_, text) => {
    const before = cpuTimeMs();
    expect(read(text)).toBe('refused');
    expect(cpuTimeMs() - before).toBeLessThan(5000);
  });
});
