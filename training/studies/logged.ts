import type { Feedback, Impression } from '../../src/events/index.js';
import { wholeList } from '../../src/policy/index.js';
import { collectLists, type ListMetric, type LoggedLists } from '../policy/index.js';

/** What a list brings, from the log alone. */
export const listMetrics = [
  { name: 'engagement', direction: 'up', total: 0 },
  { name: 'likes', direction: 'up', total: 1 },
] as const satisfies readonly ListMetric[];

/** Lists of a log with what came of their items: seconds watched, likes. */
export const loggedLists = (
  tasks: readonly string[],
  impressions: readonly Impression[],
  feedback: readonly Feedback[],
): LoggedLists => {
  const keyOf = (request: string, item: string | number): string => `${request}/${item}`;
  const [watched, liked] = [new Map<string, number>(), new Set<string>()];
  for (const { requestId, itemId, what, value } of feedback) {
    if (what === 'watch') watched.set(keyOf(requestId, itemId), value ?? 0);
    if (what === 'like') liked.add(keyOf(requestId, itemId));
  }
  const lists = collectLists({ tasks, metrics: listMetrics });
  for (const impression of impressions) {
    const { requestId, userId, exploration, form = 'product', items } = impression;
    const whole = wholeList(impression);
    if (whole === undefined || exploration === undefined) continue;
    const { share, temperature, swaps } = exploration;
    const keys = items.map(({ id }) => keyOf(requestId, id));
    lists.add({
      user: userId === undefined ? undefined : String(userId),
      policy: { form, share, temperature, swaps, weights: tasks.map((task) => impression.weights[task] ?? 0) },
      heads: whole.heads,
      shown: whole.shown,
      propensities: Float64Array.from(items, ({ propensity }) => propensity),
      rewards: [
        Float64Array.from(keys, (key) => watched.get(key) ?? 0),
        Float64Array.from(keys, (key) => Number(liked.has(key))),
      ],
    });
  }
  return lists.finish();
};
