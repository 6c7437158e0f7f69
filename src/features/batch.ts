import { WatchnextError } from '../errors.js';
import type { Column, FeatureBatch } from './types.js';

const knownStarts = new WeakMap<Int32Array, Int32Array>();

/** The first row of each request, and the number of rows at the end: [requests + 1]. Remembered per batch. */
export function requestStarts(batch: FeatureBatch): Int32Array {
  const known = knownStarts.get(batch.requestOf);
  if (known?.length === batch.requests + 1) return known;
  const starts = new Int32Array(batch.requests + 1);
  for (const request of batch.requestOf) starts[request + 1] = (starts[request + 1] ?? 0) + 1;
  for (let i = 0; i < batch.requests; i++) starts[i + 1] = (starts[i + 1] ?? 0) + (starts[i] ?? 0);
  knownStarts.set(batch.requestOf, starts);
  return starts;
}

/** The given requests with their rows, in the given order (repeats allowed); copies. */
export function selectRequests(batch: FeatureBatch, requests: ArrayLike<number>): FeatureBatch {
  const starts = requestStarts(batch);
  const chosen = new Int32Array(requests);
  let rows = 0;
  for (const request of chosen) rows += (starts[request + 1] ?? 0) - (starts[request] ?? 0);
  const chosenRows = new Int32Array(rows);
  const requestOf = new Int32Array(rows);
  let at = 0;
  chosen.forEach((request, i) => {
    for (let row = starts[request] ?? 0; row < (starts[request + 1] ?? 0); row++) {
      requestOf[at] = i;
      chosenRows[at++] = row;
    }
  });
  const columns = new Map<string, Column>();
  for (const [name, column] of batch.columns) {
    columns.set(name, selectEntries(column, column.side === 'request' ? chosen : chosenRows));
  }
  return { requests: chosen.length, rows, requestOf, columns };
}

/** The given rows of a batch of one request, in the given order (repeats allowed); what is per row is copied. */
export function selectRows(batch: FeatureBatch, rows: ArrayLike<number>): FeatureBatch {
  const chosen = new Int32Array(rows);
  const columns = new Map<string, Column>();
  for (const [name, column] of batch.columns)
    columns.set(name, column.side === 'request' ? column : selectEntries(column, chosen));
  return { requests: 1, rows: chosen.length, requestOf: new Int32Array(chosen.length), columns };
}

/** Batches of the same columns, one after the other; copies. */
export function concatBatches(batches: readonly FeatureBatch[]): FeatureBatch {
  const [first] = batches;
  if (first === undefined) return { requests: 0, rows: 0, requestOf: new Int32Array(0), columns: new Map() };
  const rows = batches.reduce((sum, batch) => sum + batch.rows, 0);
  const requestOf = new Int32Array(rows);
  let requests = 0;
  let row = 0;
  for (const batch of batches) {
    for (let i = 0; i < batch.rows; i++) requestOf[row++] = requests + (batch.requestOf[i] ?? 0);
    requests += batch.requests;
  }
  const columns = new Map<string, Column>();
  for (const name of first.columns.keys()) {
    columns.set(
      name,
      concatColumns(
        name,
        batches.map((batch) => batch.columns.get(name)),
      ),
    );
  }
  return { requests, rows, requestOf, columns };
}

function selectEntries(column: Column, entries: Int32Array): Column {
  const { side } = column;
  if (column.type === 'numbers') {
    const { width, values } = column;
    const chosen = new Float32Array(entries.length * width);
    if (width === 1) for (let i = 0; i < entries.length; i++) chosen[i] = values[entries[i] ?? 0] ?? 0;
    else {
      for (let i = 0; i < entries.length; i++) {
        const from = (entries[i] ?? 0) * width;
        for (let j = 0; j < width; j++) chosen[i * width + j] = values[from + j] ?? 0;
      }
    }
    return { side, type: 'numbers', width, values: chosen };
  }
  const offsets = new Int32Array(entries.length + 1);
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] ?? 0;
    offsets[i + 1] = (offsets[i] ?? 0) + (column.offsets[entry + 1] ?? 0) - (column.offsets[entry] ?? 0);
  }
  const keys = new Uint32Array(2 * (offsets[entries.length] ?? 0));
  let at = 0;
  for (const entry of entries) {
    const end = 2 * (column.offsets[entry + 1] ?? 0);
    for (let word = 2 * (column.offsets[entry] ?? 0); word < end; word++) keys[at++] = column.keys[word] ?? 0;
  }
  return { side, type: 'keys', offsets, keys };
}

function concatColumns(name: string, columns: readonly (Column | undefined)[]): Column {
  const [first] = columns;
  // Made where it is thrown: an error costs more than joining the columns.
  const unlike = (): WatchnextError =>
    new WatchnextError('data_invalid', `Column ${name} differs between the batches.`);
  if (first?.type === 'numbers') {
    const alike = columns.map((column) => {
      if (column?.type !== 'numbers' || column.width !== first.width || column.side !== first.side) throw unlike();
      return column.values;
    });
    const values = new Float32Array(alike.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of alike) {
      values.set(part, at);
      at += part.length;
    }
    return { side: first.side, type: 'numbers', width: first.width, values };
  }
  const alike = columns.map((column) => {
    if (column?.type !== 'keys' || column.side !== first?.side) throw unlike();
    return column;
  });
  const offsets = new Int32Array(1 + alike.reduce((sum, part) => sum + part.offsets.length - 1, 0));
  const keys = new Uint32Array(alike.reduce((sum, part) => sum + part.keys.length, 0));
  let entry = 0;
  let words = 0;
  for (const part of alike) {
    keys.set(part.keys, words);
    for (let i = 1; i < part.offsets.length; i++) offsets[++entry] = words / 2 + (part.offsets[i] ?? 0);
    words += part.keys.length;
  }
  return { side: first?.side ?? 'request', type: 'keys', offsets, keys };
}
