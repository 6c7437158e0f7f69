import type { OrderPolicy } from '../../src/policy/index.js';

/** How heads become an order, with what is random in it: the chance of every list follows from it and the heads. */
export interface ListPolicy extends OrderPolicy {
  /** [tasks] what the heads are combined with. */
  readonly weights: readonly number[];
}

/** What of a policy is random. */
export type Variation = Pick<OrderPolicy, 'share' | 'temperature' | 'swaps'>;

/** A measure of what lists bring, of parts that add up over the shown items. */
export interface ListMetric {
  readonly name: string;
  readonly direction: 'up' | 'down';
  /** Column of what is added up. */
  readonly total: number;
  /** Column of what the total is divided by, for a mean; per list if left out. */
  readonly per?: number;
}

/** One list as it is added: its candidates in the order of the request. */
export interface RankedList {
  /** Undefined: nobody else’s list is of the same user. */
  readonly user: string | undefined;
  /** Undefined where the log gives `placeChances` and not the policy. */
  readonly policy?: ListPolicy;
  /** [candidates, tasks], all finite. */
  readonly heads: Float32Array;
  /** [shown] rows of the candidates, first position first. */
  readonly shown: Int32Array;
  /** [shown] as logged: the chance of each item in its place, given those above. */
  readonly propensities?: Float64Array;
  /** [shown] the chance of each item to be in its place at all; computed from the policy where it is left out. */
  readonly placeChances?: Float64Array;
  /** [candidates] the chance of each to be in the place of the one shown item, under a target that the log itself names. */
  readonly targetChances?: Float64Array;
  /** [shown] 1-based positions; 1, 2, 3 … if left out. */
  readonly positions?: Int32Array;
  /** By column, each [shown]. */
  readonly rewards: readonly Float64Array[];
}

/** Lists of a log in columns: rows are candidates, slots the shown items of a list in the order of their positions. */
export interface LoggedLists {
  readonly tasks: readonly string[];
  readonly metrics: readonly ListMetric[];
  readonly count: number;
  /** [lists + 1] */
  readonly rowStart: Int32Array;
  /** [lists + 1] */
  readonly slotStart: Int32Array;
  /** [rows, tasks] */
  readonly heads: Float32Array;
  /** [slots] row within the list. */
  readonly slotRow: Int32Array;
  /** [slots] 0-based place. */
  readonly place: Uint16Array;
  /** How many places there are in the longest list. */
  readonly places: number;
  /** [slots] as logged; NaN where the log does not say. */
  readonly propensity: Float64Array;
  /** [slots] given by the log; NaN where it is to be computed from the policy. */
  readonly placeChance: Float64Array;
  /** [rows] under the target that the log names; NaN where it names none. */
  readonly targetChance: Float64Array;
  /** By column, each [slots]. */
  readonly rewards: readonly Float64Array[];
  /** [lists] */
  readonly user: Int32Array;
  readonly users: readonly string[];
  /** [lists] index of `policies`, -1 where it is not known. */
  readonly policyOf: Int32Array;
  readonly policies: readonly ListPolicy[];
}

/**
 * What a reward may depend on besides the item:
 *   list      all that was shown
 *   prefix    its place and the items above it
 *   place     its place
 *   examined  its place, by a factor that is the same for all items: how often people look there
 * Each needs fewer lists than the one before it, and assumes more.
 */
export type Weighting = 'list' | 'prefix' | 'place' | 'examined';

/** An estimate of what one list brings, with its interval. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly error: number;
}
