import type { Sources } from '../../src/artifact/index.js';
import type { LearnedSoFar } from './learned-part.js';

/** What the learner met; since it began at the sealed version. */
export interface LearnerCounts {
  readonly rows: number;
  readonly batches: number;
  readonly outcomes: number;
  /** Requests passed over: in the version already, of another ranker or definition, in arms not learned, or not to be read. */
  readonly older: number;
  readonly foreign: number;
  readonly otherDefinition: number;
  readonly otherArms: number;
  readonly unreadable: number;
  /** Batches that taught nothing, because a loss was not finite. */
  readonly notFinite: number;
  /** Embedding rows and feature state dropped because nothing was heard of their keys. */
  readonly expiredRows: number;
  readonly forgottenKeys: number;
}

/**
 * What the version that learning began at has seen already: of a log in files everything up to a time; of the stream all
 * outcomes, and all examples that matured, before a watermark.
 */
export type Known = { readonly until: number } | { readonly watermark: number };

/** @param time of the event or of maturity; @param shown when the row was shown. */
export const isKnown = (known: Known | null, time: number, shown: number): boolean =>
  known !== null && ('until' in known ? shown <= known.until : time < known.watermark);

/** Where a learner stands, as JSON; what waits for a full batch is beside it. */
export interface LearnerPlace {
  readonly counts: LearnerCounts;
  readonly steps: number;
  /** Event times, in milliseconds: of the last example and outcome, and of the hours at which old keys were last dropped. */
  readonly clocks: Readonly<Record<'example' | 'outcome' | 'rowsHour' | 'stateHour', number | null>>;
  readonly notFiniteInARow: number;
  /** Of all rows learned; left out by learners that did not count them yet. */
  readonly sources?: Sources;
  readonly known: Known | null;
  readonly learned: LearnedSoFar & { readonly until: number | null };
}

export const startOfCounts: LearnerCounts = {
  rows: 0,
  batches: 0,
  outcomes: 0,
  older: 0,
  foreign: 0,
  otherDefinition: 0,
  otherArms: 0,
  unreadable: 0,
  notFinite: 0,
  expiredRows: 0,
  forgottenKeys: 0,
};

/** Before anything was learned. */
export const startOfPlace: LearnerPlace = {
  counts: startOfCounts,
  steps: 0,
  clocks: { example: null, outcome: null, rowsHour: null, stateHour: null },
  notFiniteInARow: 0,
  sources: {},
  known: null,
  learned: { rows: 0, feedbackTimes: [], stride: 1, seen: 0, until: null },
};
