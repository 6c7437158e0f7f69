import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkJsonShape, jsonLimits } from '../../src/security/index.js';
import { cpuTimeMs } from '../cpu-time.js';

const outcome = (text: string, lines = false): string => {
  try {
    checkJsonShape(Buffer.from(text), { lines });
    return 'fine';
  } catch (error) {
    return (error as Error).message;
  }
};
/** Long enough to be looked at. */
const padded = (text: string): string => text + ' '.repeat(jsonLimits.fromBytes);
const nested = (levels: number, open = '[', close = ']'): string => open.repeat(levels) + '1' + close.repeat(levels);

const depthOf = (value: unknown): number =>
  typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;

describe('the shape of a body', () => {
  test('may be 32 levels deep, however they are written', () => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
      ['[1, {"b" : ', '}]'],
      ['{"]]]]":', '}'],
      ['{"\\"}":', '}'],
      ['{"\\\\":', '}'],
    ] as const) {
      const levels = open.startsWith('[1') ? 16 : 32;
      expect([open, outcome(padded(nested(levels, open, close)))]).toEqual([open, 'fine']);
      expect([open, outcome(padded(nested(levels + 1, open, close)))]).toEqual([
        open,
        'The body has more than 32 levels.',
      ]);
    }
  });

  test('is told apart as parsing it would', () => {
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'large', maxDepth: 40, withCrossShrink: true },
        fc.string(),
        fc.integer(),
        fc.array(tie('value'), { maxLength: 2 }),
        fc.dictionary(fc.string({ maxLength: 4 }), tie('value'), { maxKeys: 2 }),
      ),
    }));
    fc.assert(
      fc.property(value, fc.integer({ min: 0, max: 40 }), (inner, wrap) => {
        const text = '['.repeat(wrap) + JSON.stringify(inner) + ']'.repeat(wrap);
        expect(outcome(padded(text)) === 'fine').toBe(depthOf(JSON.parse(text)) <= jsonLimits.depth);
      }),
      { seed: 5, numRuns: 500 },
    );
  });

  test('may not have a great many names or elements in one place', () => {
    const names = (count: number): string =>
      `{"x":{${Array.from({ length: count }, (_, i) => `"${i}":[1,2]`).join()}}}`;
    expect([outcome(padded(names(jsonLimits.names))), outcome(padded(names(jsonLimits.names + 1)))]).toEqual([
      'fine',
      `The body has an object of more than ${jsonLimits.names} names.`,
    ]);
    const list = (count: number): string => `[${'1,'.repeat(count - 1)}1]`;
    expect([outcome(list(jsonLimits.elements)), outcome(list(jsonLimits.elements + 1))]).toEqual([
      'fine',
      `The body has a list of more than ${jsonLimits.elements} elements.`,
    ]);
  });

  test('is that of each line where lines are values: what is broken in one hides nothing in the next', () => {
    expect(outcome(padded('[[[[[[[[[[\n'.repeat(10)), true)).toBe('fine');
    expect(outcome(padded(`"no end\n${nested(40)}`), true)).toContain('levels');
    expect(outcome(padded(`]]]]]]]]]]]]]]]]]]]]\n${nested(40)}`), true)).toContain('levels');
    expect(outcome(padded(`]]]]]]]]]]]]]]]]]]]]${nested(40)}`))).toContain('levels');
  });

  test('of a small body is left to its schema', () => {
    expect(outcome(nested(1000))).toBe('fine');
  });

  test('is looked at in time that grows with its length alone', () => {
    const timeOf = (text: string): number => {
      const bytes = Buffer.from(text);
      const times = Array.from({ length: 5 }, () => {
        const before = cpuTimeMs();
        try {
          checkJsonShape(bytes);
        } catch {
          // How long it takes is what counts.
        }
        return cpuTimeMs() - before;
      });
      return Math.min(...times);
    };
    for (const unit of ['"', '\\', '"\\', '{', '[', '{"', ',', '[]', '"",'])
      expect([unit, timeOf(unit.repeat(4_000_000 / unit.length)) < 500]).toEqual([unit, true]);
  });
});
