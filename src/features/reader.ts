import type { RankerDefinition } from '../definition/index.js';
import { readColumn, type Candidates, type ReadEntry } from './columns.js';
import { compileFeatures } from './compile.js';
import { noCounts } from './counters.js';
import { createKeptRows, type KeptRow } from './kept-rows.js';
import { Known, type Candidate } from './known.js';
import type { FeatureState } from './state/state.js';
import type { FeatureBatch, FeatureCounter, FeatureCounters, Fields, RankingInput } from './types.js';

/** Reads what features see of requests, before anything fitted is applied. The same code serves and trains. */
export interface FeatureReader {
  /**
   * Reads requests in time order, each with the state as it may be seen at its time. `afterEach` is called with the index
   * of each request once it is read: a replay observes its outcomes there, so that the next request can see them.
   */
  read(inputs: readonly RankingInput<Candidate>[], afterEach?: (index: number) => void): FeatureBatch;
}

export interface ReaderOptions {
  readonly definition: RankerDefinition;
  readonly state: FeatureState;
  /** Counted into, if given (createFeatureCounters). */
  readonly counters?: FeatureCounters;
}

export function createFeatureReader({ definition, state, counters }: ReaderOptions): FeatureReader {
  const features = compileFeatures(definition);
  const keptRows = createKeptRows(definition, features);
  const columns = features.map((compiled) => {
    const { name } = compiled;
    const counter = counters?.get(name) ?? noCounts();
    return readColumn(compiled, { counter, cells: state.cells(name), hashes: keptRows.hashes, keptRows });
  });
  const requestColumns = columns.filter(({ side }) => side === 'request');
  const candidateColumns = columns.filter(({ side }) => side === 'candidate');
  const entry: ReadEntry = { time: 0, user: none, context: none, candidate: none, kept: undefined };
  const rowsOf = (candidates: readonly Candidate[]): Candidates => {
    const kept: (KeptRow | undefined)[] = [];
    const fields = candidates.map((candidate, at) => {
      if (!(candidate instanceof Known)) return candidate;
      const row = keptRows.of(candidate);
      for (const { feature, counter } of row.counts ?? []) count(counter, counters?.get(feature));
      kept[at] = row;
      return row.others;
    });
    return { candidates: fields, kept };
  };

  return {
    read(inputs, afterEach) {
      const rows = inputs.reduce((sum, { candidates }) => sum + candidates.length, 0);
      const requestOf = new Int32Array(rows);
      for (const column of columns) column.begin(column.side === 'request' ? inputs.length : rows);
      let row = 0;
      inputs.forEach((input, request) => {
        const { candidates } = input;
        state.advance(input.time);
        entry.time = input.time;
        entry.user = input.user;
        entry.context = input.context;
        entry.candidate = none;
        entry.kept = undefined;
        for (const column of requestColumns) column.append(entry);
        const rows = rowsOf(candidates);
        for (const column of candidateColumns) column.appendAll(entry, rows);
        requestOf.fill(request, row, row + candidates.length);
        row += candidates.length;
        afterEach?.(request);
      });
      return {
        requests: inputs.length,
        rows,
        requestOf,
        columns: new Map(columns.map((column) => [column.name, column.finish()])),
      };
    },
  };
}

const none: Fields = Object.freeze({});

const count = (more: FeatureCounter, into: FeatureCounter | undefined): void => {
  if (into === undefined) return;
  into.missing += more.missing;
  into.unknown += more.unknown;
  into.outOfRange += more.outOfRange;
};
