import type { RankerDefinition } from '../definition/index.js';
import type { EmbeddingReader } from '../embeddings/index.js';
import type { EventId, Impression } from '../events/index.js';
import { createEncoder, selectRows, type FeatureParameters } from '../features/index.js';
import { openGraph } from '../inference/index.js';
import { combine } from '../policy/index.js';
import { redraw, type Redrawn } from './redraw.js';

/** What a version computes with. */
export interface ReplayedModel {
  readonly definition: RankerDefinition;
  readonly parameters: FeatureParameters;
  readonly tables: ReadonlyMap<string, EmbeddingReader>;
  readonly graph: Uint8Array;
}

/** What a version says of the items of an impression, in the impression's order. */
export interface Replay extends Redrawn {
  readonly tasks: readonly string[];
  /** [items, tasks] in natural units. */
  readonly heads: Float32Array;
  /** [items], with the impression's weights; NaN = not scored. */
  readonly scores: Float64Array;
}

/**
 * Scores the logged feature values again. Each item is scored as the row that it was, among as many: then the version that
 * served gives the same bits. Rows are independent of what the others hold, but not of where they are (see ShownItem.row), and
 * a matrix of one row is multiplied by another kernel. What was drawn is drawn again: among all that was scored for the version
 * that `answered`, among the answered items for another one. Throws data_invalid if the version reads what was not logged.
 */
export const replayImpression = async (
  impression: Impression,
  model: ReplayedModel,
  { answered = true }: { readonly answered?: boolean } = {},
): Promise<Replay> => {
  const { definition, graph } = model;
  const tasks = Object.keys(definition.tasks);
  const place = placesOf(impression);
  const session = await openGraph(graph, 'cpu');
  let all: Float32Array;
  try {
    const batch = selectRows(impression.features, filled(place, impression.candidates));
    all = (await session.run(createEncoder(model).encode(batch))).heads;
  } finally {
    await session.release();
  }
  const heads = new Float32Array(place.length * tasks.length);
  place.forEach((row, item) =>
    heads.set(all.subarray(row * tasks.length, (row + 1) * tasks.length), item * tasks.length),
  );
  const combination = {
    form: impression.form ?? definition.score.form,
    weights: tasks.map((task) => impression.weights[task] ?? 0),
  };
  const scores = combine(heads, combination);
  return { tasks, heads, scores, ...redraw(impression, { place, scores, combination, answered }) };
};

/** [items] the row that each was scored as; its position where that was not logged. */
const placesOf = ({ items, candidates }: Impression): Int32Array => {
  const rows = items.map(({ row }) => row ?? -1);
  const known = new Set(rows).size === rows.length && rows.every((row) => row >= 0 && row < candidates);
  return known ? Int32Array.from(rows) : Int32Array.from(items.keys());
};

/** [rows] which item stands in each row; those whose items were not answered get the first one's values. */
const filled = (place: Int32Array, candidates: number): Int32Array => {
  const items = new Int32Array(Math.max(candidates, place.length));
  place.forEach((row, item) => (items[row] = item));
  return items;
};

/** Where a replay says something else than what was answered. */
export interface ReplayDifference {
  readonly item: EventId;
  /** A head’s task, `score`, or `propensity`. */
  readonly what: string;
  readonly logged: number;
  readonly replayed: number;
}

export interface ReplayComparison {
  /** Nothing could be scored when this was answered: there is nothing to compare. */
  readonly unscored: boolean;
  readonly differences: readonly ReplayDifference[];
  readonly sameOrder: boolean;
}

/** Holds a replay against what was answered, bit by bit; a head that one of them does not have is NaN there. */
export const compareReplay = (impression: Impression, replay: Replay): ReplayComparison => {
  const { items, tasks, heads } = impression;
  const unscored = heads.every(Number.isNaN) && items.every(({ score }) => Number.isNaN(score));
  if (unscored) return { unscored, differences: [], sameOrder: true };
  const differences: ReplayDifference[] = [];
  const compare = (
    item: EventId,
    what: string,
    [logged = NaN, replayed = NaN]: readonly (number | undefined)[],
  ): void => {
    if (!Object.is(logged, replayed)) differences.push({ item, what, logged, replayed });
  };
  items.forEach(({ id, score, propensity }, item) => {
    for (const task of new Set([...tasks, ...replay.tasks])) {
      const [here, there] = [tasks.indexOf(task), replay.tasks.indexOf(task)];
      const logged = here < 0 ? NaN : heads[item * tasks.length + here];
      const replayed = there < 0 ? NaN : replay.heads[item * replay.tasks.length + there];
      compare(id, task, [logged, replayed]);
    }
    compare(id, 'score', [score, replay.scores[item]]);
    if (replay.propensities !== undefined) compare(id, 'propensity', [propensity, replay.propensities[item]]);
  });
  const sameOrder = items.every(({ id }, at) => String(id) === String(replay.order[at]));
  return { unscored, differences, sameOrder };
};
