import type { NetworkInputs } from '../../../src/features/index.js';
import { farthestByColumn } from './ranges.js';

const rowsPerColumn = 8;
const mostRows = 2000;

/**
 * The sample and, for every column that is zero in all of it, some of its rows with a 1 there: an hour or a day in which nothing
 * was logged and a category that is rare are such columns until their first row comes, and must not be cut off then.
 */
export const withUnseen = (sample: NetworkInputs): NetworkInputs => {
  const { requests, rows, request, candidate, requestOf } = sample;
  const [requestWidth, candidateWidth] = [request.length / Math.max(1, requests), candidate.length / Math.max(1, rows)];
  const ofRequest = unseenOf(request, requestWidth);
  const ofCandidate = unseenOf(candidate, candidateWidth);
  const unseen = ofRequest.length + ofCandidate.length;
  const each = Math.min(rowsPerColumn, rows, Math.max(1, Math.floor(mostRows / unseen)));
  const added = unseen * each;
  if (!(added > 0)) return sample;
  const all = {
    requests: requests + added,
    rows: rows + added,
    request: longer(request, added * requestWidth),
    candidate: longer(candidate, added * candidateWidth),
    requestOf: longer(requestOf, added),
  };
  for (let at = 0; at < added; at++) {
    const from = Math.floor(((at % each) * rows) / each);
    const of = requestOf[from] ?? 0;
    const [column, row, owner] = [Math.floor(at / each), rows + at, requests + at];
    all.request.copyWithin(owner * requestWidth, of * requestWidth, (of + 1) * requestWidth);
    all.candidate.copyWithin(row * candidateWidth, from * candidateWidth, (from + 1) * candidateWidth);
    all.requestOf[row] = owner;
    const own = ofRequest[column];
    if (own !== undefined) all.request[owner * requestWidth + own] = 1;
    else all.candidate[row * candidateWidth + (ofCandidate[column - ofRequest.length] ?? 0)] = 1;
  }
  return all;
};

const unseenOf = (values: Float32Array, width: number): number[] =>
  [...farthestByColumn(values, width)].flatMap((farthest, column) => (farthest === 0 ? [column] : []));

const longer = <T extends Float32Array | Int32Array>(values: T, by: number): T => {
  const all = new (values.constructor as new (length: number) => T)(values.length + by);
  all.set(values);
  return all;
};
