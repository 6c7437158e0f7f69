/**
 * The first `limit` row numbers by score, highest first; equal scores go by `ties`, highest first, and else keep the caller's
 * order; NaN (not scored) comes last in the caller's order. Keeps a heap of `limit` rows, so a short page of a long list does
 * not pay for a full sort.
 */
export const topRows = (scores: Float64Array, limit: number, ties?: Float64Array): Int32Array => {
  const rows = scores.length;
  const size = Math.min(limit, rows);
  const after = comesAfter(scores, ties);
  if (size * 4 >= rows) {
    return inOrder(rows)
      .sort((a, b) => (after(a, b) ? 1 : -1))
      .subarray(0, size);
  }
  // A max-heap by "comes after": the root is the row that leaves first.
  const heap = inOrder(size);
  for (let node = (size >> 1) - 1; node >= 0; node--) sink(heap, node, after);
  for (let row = size; row < rows; row++)
    if (size > 0 && after(heap[0] ?? 0, row)) {
      heap[0] = row;
      sink(heap, 0, after);
    }
  return heap.sort((a, b) => (after(a, b) ? 1 : -1));
};

/** 0, 1, 2, … by a loop: Int32Array.from walks an iterator. */
const inOrder = (rows: number): Int32Array => {
  const all = new Int32Array(rows);
  for (let row = 0; row < rows; row++) all[row] = row;
  return all;
};

const comesAfter =
  (scores: Float64Array, ties: Float64Array | undefined) =>
  (a: number, b: number): boolean => {
    const left = scores[a] ?? NaN;
    const right = scores[b] ?? NaN;
    if (left > right) return false;
    if (left < right) return true;
    const leftScored = !Number.isNaN(left);
    if (leftScored !== !Number.isNaN(right)) return !leftScored;
    if (leftScored && ties !== undefined && ties[a] !== ties[b]) return (ties[a] ?? 0) < (ties[b] ?? 0);
    return a > b;
  };

const sink = (heap: Int32Array, start: number, after: (a: number, b: number) => boolean): void => {
  const size = heap.length;
  for (let node = start; ;) {
    const left = 2 * node + 1;
    if (left >= size) return;
    const right = left + 1;
    const child = right < size && after(heap[right] ?? 0, heap[left] ?? 0) ? right : left;
    const [parentRow, childRow] = [heap[node] ?? 0, heap[child] ?? 0];
    if (!after(childRow, parentRow)) return;
    heap[node] = childRow;
    heap[child] = parentRow;
    node = child;
  }
};
