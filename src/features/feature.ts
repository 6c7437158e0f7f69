import type { FeatureKindName, FeatureOf, FeatureScope, RankerDefinition } from '../definition/index.js';
import type { KeptRow } from './kept-rows.js';
import type { Cells } from './state/cells.js';
import type { FeatureCells } from './state/feature-cells.js';
import type { FeatureCounter, FeatureFit, Fields, Outcome } from './types.js';

/** What one entry is read from: a request (`candidate` empty) or one candidate of it. An Outcome is an entry too. */
export interface Entry {
  readonly time: number;
  readonly user: Fields;
  readonly context: Fields;
  readonly candidate: Fields;
  /** What was kept of the candidate, if its fields never change. */
  readonly kept?: KeptRow | undefined;
}

/** A growing list of 64-bit keys. */
export interface KeyList {
  readonly length: number;
  add(high: number, low: number): void;
  addText(text: string): void;
}

/** What a reader is bound to. `cells` is there for kinds that declare state. */
export interface ReadTools {
  readonly counter: FeatureCounter;
  readonly cells: FeatureCells | undefined;
  /** Where a kept row has the hash of a field. */
  readonly hashes?: ReadonlyMap<string, number>;
}

/** Collects what is fitted over the raw columns of the training data, in bounded memory. */
export interface Fitter {
  /** `count` entries of the feature's raw width. */
  observe(values: Float32Array, count: number): void;
  finish(): FeatureFit;
}

/** Encodes `count` raw entries into out[i * stride + offset ..], which is zero before. */
export type EncodeNumbers = (values: Float32Array, count: number, target: EncodeTarget) => void;
export interface EncodeTarget {
  readonly out: Float32Array;
  readonly stride: number;
  readonly offset: number;
}

/** A feature whose raw values are numbers and whose encoding is dense. `fromFields`: from its scope's fields and nothing else. */
export interface NumbersFeature {
  readonly type: 'numbers';
  /** Raw numbers per entry. */
  readonly width: number;
  readonly fromFields?: true;
  readonly state?: StateShape;
  /** Writes the raw values of an entry to out[at .. at + width). */
  reader(tools: ReadTools): (entry: Entry, out: Float32Array, at: number) => void;
  /** Columns of the encoding. */
  readonly encodedWidth: number;
  fitter?(): Fitter;
  encoder(fit: FeatureFit): EncodeNumbers;
}

/** A feature whose raw values are bags of ids, encoded as the mean of their embedding rows. `fromFields` as for numbers. */
export interface KeysFeature {
  readonly type: 'keys';
  readonly fromFields?: true;
  readonly state?: StateShape;
  /** Appends the keys of an entry. */
  reader(tools: ReadTools): (entry: Entry, keys: KeyList) => void;
  readonly table: TableUse;
}

/** Its own table, or the one of another feature. */
export type TableUse =
  { readonly shares: string } | { readonly dim: number; readonly minCount: number; readonly expireMs?: number };

/**
 * What a stateful feature keeps per key, and how an outcome changes it. Cells are rows of float64: [time, values...], time
 * being the latest outcome's. An outcome is first described as a short record.
 */
export interface StateShape {
  /** Values per cell, without the time. */
  readonly cellWidth: number;
  /** Numbers of a record, without time and key. */
  readonly updateWidth: number;
  readonly delayMs: number;
  /** After this long without an outcome a cell reads as if it were not there, and may be dropped. */
  readonly fadesAfterMs?: number;
  /** Writes key and update of an outcome; false where it changes nothing. */
  describe(outcome: Outcome, key: Uint32Array, update: Float64Array): boolean;
  /** Applies update[at ..] to the cell in `row`; a new cell is all zeros with the update's time. */
  apply(cells: Cells, row: number, change: { time: number; update: Float64Array; at: number }): void;
}

export type Feature = NumbersFeature | KeysFeature;

/** One kind: makes features from their definitions. */
export type FeatureKind<K extends FeatureKindName> = (options: {
  readonly name: string;
  readonly scope: FeatureScope;
  readonly definition: FeatureOf<K>;
  readonly ranker: RankerDefinition;
}) => Feature;
