import {
  DuckDBDoubleVector,
  DuckDBFloatVector,
  DuckDBIntegerVector,
  DuckDBListVector,
  type DuckDBDataChunk,
  type DuckDBVector,
} from '@duckdb/node-api';
import type { FeatureScope } from '../../src/definition/index.js';
import type { Fields, FieldValue } from '../../src/features/index.js';
import type { Field } from './fields.js';
import type { LoggedRequest } from './types.js';

type Read = (row: number) => FieldValue;

/** Column indices of the table `log` as it is selected: time, request, position, then labels, then fields. */
export interface LogShape {
  readonly labels: number;
  readonly fields: readonly Field[];
}
const firstLabel = 3;

/** Reads a canonical column; NaN stands for a missing number and [NaN] for a missing list of them: validity bits are slow. */
const readerOf = (vector: DuckDBVector, vectorWanted: boolean): Read => {
  if (vector instanceof DuckDBDoubleVector) {
    const { items } = vector as unknown as { items: Float64Array };
    return (row) => {
      const value = items[row] ?? NaN;
      return Number.isNaN(value) ? null : value;
    };
  }
  if (vector instanceof DuckDBListVector) {
    const { childVector } = vector;
    if (childVector instanceof DuckDBDoubleVector || childVector instanceof DuckDBFloatVector) {
      const { items } = childVector as unknown as { items: Float64Array | Float32Array };
      return (row) => {
        const start = vector.getEntryOffset(row);
        const part = items.subarray(start, start + vector.getEntryLength(row));
        if (part.length === 1 && Number.isNaN(part[0])) return null;
        return vectorWanted ? Float32Array.from(part) : Array.from(part);
      };
    }
    return (row) => {
      const items = vector.getItem(row)?.items;
      return items === undefined ? null : (items.filter((item) => item !== null) as readonly string[]);
    };
  }
  return (row) => vector.getItem(row) as FieldValue;
};

/** The values of a column whose type the table `log` fixes. */
const itemsOf = (chunk: DuckDBDataChunk, column: number): Float64Array | Float32Array | Int32Array => {
  const vector = chunk.getColumnVector(column);
  if (
    vector instanceof DuckDBDoubleVector ||
    vector instanceof DuckDBFloatVector ||
    vector instanceof DuckDBIntegerVector
  ) {
    return (vector as unknown as { items: Float64Array | Float32Array | Int32Array }).items;
  }
  throw new TypeError(`column ${column} of the log is ${vector.type.toString()}, not a number`);
};

interface OpenRequest {
  readonly key: string | null;
  readonly time: number;
  readonly user: Fields;
  readonly context: Fields;
  readonly candidates: Fields[];
  readonly positions: number[];
  readonly labels: number[][];
}

/** Chunks of the table `log`, in its order, as requests. Holds one chunk and one request. */
export async function* requestsOf(
  chunks: AsyncIterable<DuckDBDataChunk>,
  { labels, fields }: LogShape,
): AsyncGenerator<LoggedRequest> {
  const scoped = (scope: FeatureScope): { name: string; index: number; vector: boolean }[] =>
    fields.flatMap(({ column, need, scopes }, index) =>
      scopes.has(scope) ? [{ name: column.name, index: firstLabel + labels + index, vector: need === 'vector' }] : [],
    );
  const parts = { user: scoped('user'), context: scoped('context'), candidate: scoped('candidate') };
  // Copying a record that has all its keys keeps objects in V8's fast form; adding a dozen by computed name does not.
  const blank = (scope: FeatureScope): Record<string, FieldValue> =>
    JSON.parse(JSON.stringify(Object.fromEntries(parts[scope].map(({ name }) => [name, null])))) as Record<
      string,
      FieldValue
    >;
  const blanks = { user: blank('user'), context: blank('context'), candidate: blank('candidate') };

  let open: OpenRequest | undefined;
  let latest = -Infinity;
  for await (const chunk of chunks) {
    const times = itemsOf(chunk, 0);
    const keys = chunk.getColumnVector(1);
    const positions = itemsOf(chunk, 2);
    const labelItems = Array.from({ length: labels }, (_, index) => itemsOf(chunk, firstLabel + index));
    const readers = (scope: FeatureScope): { name: string; read: Read }[] =>
      parts[scope].map(({ name, index, vector }) => ({ name, read: readerOf(chunk.getColumnVector(index), vector) }));
    const read = { user: readers('user'), context: readers('context'), candidate: readers('candidate') };
    const take = (scope: FeatureScope, row: number): Fields => {
      const record = { ...blanks[scope] };
      for (const { name, read: value } of read[scope]) record[name] = value(row);
      return record;
    };
    for (let row = 0; row < chunk.rowCount; row++) {
      const key = keys.getItem(row) as string | null;
      const time = times[row] ?? NaN;
      if (open === undefined || key === null || key !== open.key) {
        if (open !== undefined) yield finish(open);
        if (time < latest) throw new Error(`the log went back in time, from ${latest} to ${time}`);
        latest = time;
        open = {
          key,
          time,
          user: take('user', row),
          context: take('context', row),
          candidates: [],
          positions: [],
          labels: labelItems.map(() => []),
        };
      }
      open.candidates.push(take('candidate', row));
      open.positions.push(positions[row] ?? 0);
      for (let task = 0; task < labels; task++) open.labels[task]?.push(labelItems[task]?.[row] ?? NaN);
    }
  }
  if (open !== undefined) yield finish(open);
}

const finish = ({ key, time, user, context, candidates, positions, labels }: OpenRequest): LoggedRequest => ({
  requestId: key ?? undefined,
  time,
  user,
  context,
  candidates,
  positions: Int32Array.from(positions),
  labels: labels.map((values) => Float32Array.from(values)),
});
