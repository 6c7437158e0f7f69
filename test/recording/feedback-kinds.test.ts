import { expect, test } from '@jest/globals';
import { parseDefinition } from '../../src/definition/index.js';
import { kindHint, knownFeedback } from '../../src/recording/feedback-kinds.js';

const ranker = (more: string) =>
  parseDefinition(`name: films
features: {item_id: {kind: id, scope: candidate, dim: 4}}
tasks:
  save: {kind: binary, label: saved}
  effort: {kind: regression, label: effort}
network: {kind: independent}
score: {form: sum, weights: {save: 1}}
${more}`);

test('feedback may be of every common kind and of those that labels name, with a value where only amounts are made of it', () => {
  const kinds = knownFeedback([ranker('')]);
  expect(kinds.get('watch')).toBe('seconds');
  expect(kinds.get('like')).toBeUndefined();
  expect(kinds.get('effort')).toBe('value');
  expect([...kinds.keys()]).toEqual(expect.arrayContaining(['click', 'dismiss', 'save']));
  expect(kinds.has('purchase')).toBe(false);
});

test('what only metrics name may be sent too', () => {
  const kinds = knownFeedback([
    ranker(`metrics:
  spent: {of: purchase, take: sum, direction: up}
  visits: {of: visit, take: count, direction: up}
  paid: {of: [visit, purchase], take: any, direction: up}
  efforts: {of: effort, take: count, direction: down}`),
  ]);
  expect(kinds.has('visit')).toBe(true);
  expect(kinds.get('visit')).toBeUndefined();
  // Counted without a value as well as summed: it may come without one.
  expect(kinds.get('purchase')).toBeUndefined();
  // A label says what it needs, whatever metrics make of it.
  expect(kinds.get('effort')).toBe('value');
});

test('a task’s name that is no kind is answered with what the task learns from, any other with the nearest kind', () => {
  const definitions = [ranker('labels: {effort: {on: [minutes, hours]}}')];
  expect(knownFeedback(definitions).has('effort')).toBe(false);
  expect(kindHint('effort', definitions)).toBe('the task effort learns from minutes or hours: send that');
  expect(kindHint('minuts', definitions)).toContain('did you mean minutes?');
});
