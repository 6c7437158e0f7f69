import type { RankingInput } from '../features/index.js';
import type { Scores } from '../inference/index.js';
import { explainRow, featureValues } from './explain.js';
import { explorationOf, type Shown } from './impression.js';
import { shortFloat } from './short-float.js';
import type { RankAnswer, ScoredItem, UnscoredItem } from './types.js';

/**
 * The answered items with their scores and heads, and with why if that was asked for. Heads are said in as few digits as tell
 * one float32 from the next; what is logged of them is the very bits.
 */
export const scoredAnswer = (
  shown: Shown & Required<Pick<Shown, 'scored'>>,
  gates: Scores['gates'],
): Pick<RankAnswer, 'items' | 'explain' | 'exploration'> => {
  const { request, model, rules, input, batch, order, scored } = shown;
  const { definition, scorer } = model;
  const { tasks } = scorer;
  const { weights, policy } = rules;
  const { form } = policy;
  const scores: Scores = gates === undefined ? { heads: scored.heads } : { heads: scored.heads, gates };
  const items = Array.from(order.rows, (row, index): ScoredItem | UnscoredItem => {
    const id = request.candidates[row]?.id ?? row;
    const score = scored.scores[row] ?? NaN;
    if (Number.isNaN(score)) return { id, position: index + 1, scored: false };
    const heads: Record<string, number> = {};
    tasks.forEach((task, head) => (heads[task] = shortFloat(scored.heads[row * tasks.length + head] ?? NaN)));
    const item = { id, position: index + 1, score, heads };
    if (request.explain !== true) return item;
    return { ...item, explain: explainRow({ definition, tasks, weights, form, input, batch, scores, row }) };
  });
  const exploration = explorationOf(rules, order);
  const answer = { items, ...(exploration && { exploration }) };
  if (request.explain !== true) return answer;
  const fields = (scope: string): RankingInput['user'] => (scope === 'user' ? input.user : input.context);
  const features = featureValues({ definition, batch, side: 'request', index: 0, fields });
  return { ...answer, explain: { form, features } };
};

/** The items where nothing could be scored. */
export const unscoredItems = ({ candidates }: Shown['request'], rows: Int32Array): readonly UnscoredItem[] =>
  Array.from(rows, (row, index) => ({ id: candidates[row]?.id ?? row, position: index + 1, scored: false }));
