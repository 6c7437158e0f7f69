import type { EventId, Impression } from '../events/index.js';

/** All candidates of an impression that were scored, in the order of the request, and which of them were answered. */
export interface WholeList {
  readonly ids: readonly EventId[];
  /** [candidates, tasks] */
  readonly heads: Float32Array;
  /** [items] where each answered item is in `ids`, in the order of the answer. */
  readonly shown: Int32Array;
}

/**
 * The list that a logged order was drawn from: with `combine`, `logChances` and `shown` it gives the chance of that order
 * under any weights. Candidates that were neither scored nor answered are not in it; they change no chance. Undefined if the
 * impression does not hold where its items stood in the request, as where nothing was varied and some were not answered.
 */
export const wholeList = (impression: Impression): WholeList | undefined => {
  const { items, heads, tasks, unshown, candidates } = impression;
  if (unshown === undefined && items.length < candidates) return undefined;
  const shown = items.map(({ id, row }, at) => ({ id, row, at, heads: rowOf(heads, at, tasks.length) }));
  const others = (unshown?.ids ?? []).map((id, at) => ({
    id,
    row: unshown?.rows[at],
    at: -1,
    heads: rowOf(unshown?.heads ?? heads, at, tasks.length),
  }));
  const all = [...shown, ...others].sort((a, b) => (a.row ?? 0) - (b.row ?? 0));
  if (all.some(({ row }, at) => row === undefined || row === all[at - 1]?.row)) return undefined;
  const list = { ids: all.map(({ id }) => id), heads: new Float32Array(all.length * tasks.length) };
  const places = new Int32Array(items.length);
  all.forEach((candidate, place) => {
    list.heads.set(candidate.heads, place * tasks.length);
    if (candidate.at >= 0) places[candidate.at] = place;
  });
  return { ...list, shown: places };
};

const rowOf = (heads: Float32Array, at: number, tasks: number): Float32Array =>
  heads.subarray(at * tasks, (at + 1) * tasks);
