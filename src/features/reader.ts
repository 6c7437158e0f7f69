import type { RankerDefinition } from '../definition/index.js';
import { compileFeatures, type CompiledFeature } from './compile.js';
import { noCounts } from './counters.js';
import type { Entry, KeysFeature, NumbersFeature } from './feature.js';
import { GrowingKeys } from './keys.js';
import type { FeatureState } from './state/state.js';
import type { Column, FeatureBatch, FeatureCounters, Fields, RankingInput, Side } from './types.js';

/** Reads what features see of requests, before anything fitted is applied. The same code serves and trains. */
export interface FeatureReader {
  /**
   * Reads requests in time order, each with the state as it may be seen at its time. `afterEach` is called with the index
   * of each request once it is read: a replay observes its outcomes there, so that the next request can see them.
   */
  read(inputs: readonly RankingInput[], afterEach?: (index: number) => void): FeatureBatch;
}

export interface ReaderOptions {
  readonly definition: RankerDefinition;
  readonly state: FeatureState;
  /** Counted into, if given (createFeatureCounters). */
  readonly counters?: FeatureCounters;
}

export function createFeatureReader({ definition, state, counters }: ReaderOptions): FeatureReader {
  const columns = compileFeatures(definition).map((compiled) => {
    const { name, feature } = compiled;
    const tools = { counter: counters?.get(name) ?? noCounts(), cells: state.cells(name) };
    return feature.type === 'numbers'
      ? new NumbersColumn(compiled, feature.reader(tools))
      : new KeysColumn(compiled, feature.reader(tools));
  });
  const requestColumns = columns.filter(({ side }) => side === 'request');
  const candidateColumns = columns.filter(({ side }) => side === 'candidate');
  const entry = { time: 0, user: noFields, context: noFields, candidate: noFields };

  return {
    read(inputs, afterEach) {
      const rows = inputs.reduce((sum, { candidates }) => sum + candidates.length, 0);
      const requestOf = new Int32Array(rows);
      for (const column of columns) column.begin(column.side === 'request' ? inputs.length : rows);
      let row = 0;
      inputs.forEach((input, request) => {
        state.advance(input.time);
        entry.time = input.time;
        entry.user = input.user;
        entry.context = input.context;
        entry.candidate = noFields;
        for (const column of requestColumns) column.append(entry);
        for (const column of candidateColumns) {
          for (const candidate of input.candidates) {
            entry.candidate = candidate;
            column.append(entry);
          }
        }
        requestOf.fill(request, row, row + input.candidates.length);
        row += input.candidates.length;
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

const noFields: Fields = Object.freeze({});

class NumbersColumn {
  readonly name: string;
  readonly side: Side;
  readonly #width: number;
  readonly #read: ReturnType<NumbersFeature['reader']>;
  #values = new Float32Array(0);
  #at = 0;

  constructor({ name, side, feature }: CompiledFeature, read: ReturnType<NumbersFeature['reader']>) {
    this.name = name;
    this.side = side;
    this.#width = (feature as NumbersFeature).width;
    this.#read = read;
  }

  begin(entries: number): void {
    this.#values = new Float32Array(entries * this.#width);
    this.#at = 0;
  }

  append(entry: Entry): void {
    this.#read(entry, this.#values, this.#at);
    this.#at += this.#width;
  }

  finish(): Column {
    return { side: this.side, type: 'numbers', width: this.#width, values: this.#values };
  }
}

class KeysColumn {
  readonly name: string;
  readonly side: Side;
  readonly #read: ReturnType<KeysFeature['reader']>;
  readonly #keys = new GrowingKeys();
  #offsets = new Int32Array(1);
  #entries = 0;

  constructor({ name, side }: CompiledFeature, read: ReturnType<KeysFeature['reader']>) {
    this.name = name;
    this.side = side;
    this.#read = read;
  }

  begin(entries: number): void {
    this.#keys.take();
    this.#offsets = new Int32Array(entries + 1);
    this.#entries = 0;
  }

  append(entry: Entry): void {
    this.#read(entry, this.#keys);
    this.#offsets[++this.#entries] = this.#keys.length;
  }

  finish(): Column {
    return { side: this.side, type: 'keys', offsets: this.#offsets, keys: this.#keys.take() };
  }
}
