import type { Impression, LoggedEvent } from '../../src/events/index.js';
import { logChances, propensities } from '../../src/policy/index.js';
import { feedback, impression } from '../events/events.js';
import { drawLists, type WorldOptions } from './world.js';

const day = Date.UTC(2026, 4, 1);

export const definitionText = `name: films
features:
  item_id: {kind: id, scope: candidate, dim: 4}
  duration: {kind: number, scope: candidate}
tasks:
  click: {group: engagement, kind: binary, label: clicked}
  satisfied: {group: satisfaction, kind: binary, label: liked}
network: {kind: mmoe, experts: 2, expert_layers: [4], towers: [4]}
score: {form: product, weights: {click: 1, satisfied: 0.2}, bounds: {click: [0, 2], satisfied: [0, 2]}}
labels: {satisfied: {on: like}}
`;

/** The world’s lists as a service logs them, with a click or a like for each reward. */
export const worldEvents = (options: WorldOptions): LoggedEvent[] => {
  const { policy } = options;
  const events: LoggedEvent[] = [];
  for (const { user, request, heads, scores, drawn, rewards } of drawLists(options)) {
    const { rows } = drawn;
    const time = day + events.length;
    const chances = propensities(logChances({ scores, rows, policy }));
    const shown = new Set(rows);
    const unshown = Array.from(scores, (_, row) => row).filter((row) => !shown.has(row));
    const headsOf = (wanted: Iterable<number>): Float32Array =>
      Float32Array.from([...wanted].flatMap((row) => [...heads.subarray(2 * row, 2 * row + 2)]));
    const { share, temperature, swaps, form } = policy;
    const base = impression({ items: Array.from(rows, (row) => `v${row}`) });
    const event: Impression = {
      ...base,
      time,
      requestId: request,
      userId: user,
      ranker: 'films',
      arms: {},
      tasks: ['click', 'satisfied'],
      weights: { click: policy.weights[0]!, satisfied: policy.weights[1]! },
      candidates: scores.length,
      items: Array.from(rows, (row, at) => ({
        ...{ id: `v${row}`, position: at + 1, row, score: scores[row]!, propensity: chances[at]! },
      })),
      heads: headsOf(rows),
      fields: { user: {}, context: {}, candidates: Array.from(rows, (row) => ({ item_id: `v${row}`, duration: 10 })) },
      form,
      ...(share + swaps > 0 && {
        exploration: { share, temperature, swaps, drawn: drawn.drawn, ...(drawn.swap && { swap: drawn.swap }) },
        unshown: {
          ids: unshown.map((row) => `v${row}`),
          rows: Int32Array.from(unshown),
          heads: headsOf(unshown),
        },
      }),
    };
    events.push(event);
    (['click', 'like'] as const).forEach((what, reward) =>
      rows.forEach((row, place) => {
        if (rewards[reward as 0 | 1][place] === 0) return;
        const names = { requestId: request, userId: user, itemId: `v${row}` };
        const eventId = `${request}/${what}/${row}`;
        events.push(feedback({ ...names, eventId, time: time + 1000, what, value: undefined }));
      }),
    );
  }
  return events;
};
