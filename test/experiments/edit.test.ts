import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { editArm, loadConfiguration } from '../../src/experiments/index.js';
import { catalogue } from './builders.js';

const text = `{
\t"testers": { "10": {"a": "changed"}, "9": {"a": "control"} },
  "features": {
    "watchnext.a": {
      "defaultValue": {},
      "rules": [
        { "key": "a", "hashVersion": 2, "phase": "1",   "variations": [{}, {"limit": 10, "weights": {"like": 0.5}}],
          "meta": [{"key": "control"}, {"key": "changed"}] },
        { "key": "off", "active": false, "variations": [{}, {}] }
      ]
    }
  }
}
`;

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'watchnext-edit-'));
  file = join(folder, 'experiments.json');
  writeFileSync(file, text);
});
afterEach(() => rmSync(folder, { recursive: true }));
const written = (): string => readFileSync(file, 'utf8');

describe('writing an arm', () => {
  test('changes the arm and begins a phase; all else stays letter for letter', async () => {
    const edited = await editArm(file, {
      experiment: 'a',
      arm: 'changed',
      settings: { weights: { click: 2, like: 1 } },
    });
    expect(edited).toEqual({
      settings: { limit: 10, weights: { click: 2, like: 1 } },
      phase: { before: '1', now: '2' },
      changed: true,
    });
    expect(written()).toBe(
      text
        .replace('{"limit": 10, "weights": {"like": 0.5}}', '{ "limit": 10, "weights": { "click": 2, "like": 1 } }')
        .replace('"phase": "1"', '"phase": "2"'),
    );
    const { experiments } = await loadConfiguration(file);
    expect(experiments[0]).toMatchObject({ phase: '2', arms: [{}, { settings: { weights: { click: 2, like: 1 } } }] });
  });

  test('gives a phase to an experiment that had none', async () => {
    writeFileSync(file, text.replace('"phase": "1",   ', ''));
    const { phase } = await editArm(file, { experiment: 'a', arm: 'control', settings: { limit: 7 } });
    expect(phase).toEqual({ before: '0', now: '1' });
    expect(written()).toContain('{ "phase": "1", "key": "a"');
    expect((await loadConfiguration(file)).experiments[0]).toMatchObject({ phase: '1' });
  });

  test('counts a phase with a name on', async () => {
    writeFileSync(file, text.replace('"phase": "1"', '"phase": "spring"'));
    const edit = { experiment: 'a', arm: 'control' };
    expect((await editArm(file, { ...edit, settings: { limit: 7 } })).phase.now).toBe('spring.2');
    expect((await editArm(file, { ...edit, settings: { limit: 8 } })).phase.now).toBe('spring.3');
  });

  test('leaves the phase of an experiment that does not run', async () => {
    const { phase } = await editArm(file, { experiment: 'off', arm: '1', settings: { form: 'sum' } });
    expect(phase).toEqual({ before: '0', now: '0' });
    expect(written()).toBe(text.replace('"variations": [{}, {}]', '"variations": [{}, { "form": "sum" }]'));
  });

  test('that says so already writes nothing', async () => {
    const edited = await editArm(file, { experiment: 'a', arm: 'changed', settings: { limit: 10 } });
    expect(edited).toMatchObject({ changed: false, phase: { before: '1', now: '1' } });
    expect(written()).toBe(text);
  });
});

describe('writing an arm is refused, and the file untouched,', () => {
  test.each([
    ['b', 'changed', {}, 'there is no experiment "b"'],
    ['a', 'chnged', {}, 'a has no arm "chnged"'],
    ['a', 'changed', { weights: { like: 9 } }, '9 is not allowed by ranker home'],
    ['a', 'changed', { ranker: 'none' }, 'there is no ranker none'],
  ])('for %s/%s with %j', async (experiment, arm, settings, message) => {
    await expect(editArm(file, { experiment, arm, settings, catalogue })).rejects.toMatchObject({
      code: 'experiments_invalid',
      problems: [{ message: expect.stringContaining(message) }],
    });
    expect(written()).toBe(text);
  });

  test('for a file that is not valid before', async () => {
    writeFileSync(file, text.replace('"limit": 10', '"limit": 0'));
    const edit = { experiment: 'a', arm: 'control', settings: { limit: 3 } };
    await expect(editArm(file, edit)).rejects.toThrow('experiments.json has 1 problem');
  });
});
