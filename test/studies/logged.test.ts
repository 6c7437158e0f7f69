import { expect, test } from '@jest/globals';
import type { Feedback, Impression } from '../../src/events/index.js';
import { loggedLists } from '../../training/studies/index.js';

const tasks = ['click', 'watch'];
const impression = (requestId: string, explored: boolean): Impression => ({
  kind: 'impression',
  time: 1000,
  requestId,
  userId: 'u1',
  ranker: 'demo',
  version: 'v',
  fingerprint: 'f',
  arms: {},
  weights: { click: 1, watch: 0.5 },
  tasks,
  candidates: 3,
  items: [
    { id: 'c', position: 1, row: 2, score: 3, propensity: 0.6 },
    { id: 'a', position: 2, row: 0, score: 2, propensity: 0.5 },
  ],
  heads: Float32Array.of(0.5, 30, 0.25, 10),
  fields: { user: {}, context: {}, candidates: [{}, {}] },
  ...(explored && {
    exploration: { share: 1, temperature: 0.5, swaps: 0, drawn: 'noise' },
    unshown: { ids: ['b'], rows: Int32Array.of(1), heads: Float32Array.of(0.125, 5) },
  }),
  form: 'product',
  features: { requests: 1, rows: 2, requestOf: new Int32Array(2), columns: new Map() },
});
const said = (requestId: string, itemId: string, what: string, value?: number): Feedback => ({
  kind: 'feedback',
  time: 2000,
  eventId: `${requestId}/${itemId}/${what}`,
  requestId,
  userId: 'u1',
  itemId,
  what,
  value,
});

test('a log’s lists have all candidates in the order of the request, their policy, and what came of what was shown', () => {
  const lists = loggedLists(
    tasks,
    [impression('r1', true), impression('r2', false)],
    [said('r1', 'c', 'watch', 12), said('r1', 'a', 'like'), said('r2', 'c', 'watch', 99), said('r1', 'c', 'click')],
  );
  // What was not varied says nothing of other weights.
  expect(lists.count).toBe(1);
  expect([...lists.heads]).toEqual([0.25, 10, 0.125, 5, 0.5, 30]);
  expect([...lists.slotRow]).toEqual([2, 0]);
  expect([...lists.propensity]).toEqual([0.6, 0.5]);
  expect(lists.rewards.map((values) => [...values])).toEqual([
    [12, 0],
    [0, 1],
  ]);
  expect(lists.policies).toEqual([{ form: 'product', share: 1, temperature: 0.5, swaps: 0, weights: [1, 0.5] }]);
});
