/** How often a position is looked at, against the first, as far as an outcome shows it: theta_k / theta_1. */
export interface Estimate {
  readonly ratio: number;
  /** 95 %; left out where there is none to be had, as of weights. */
  readonly interval?: readonly [low: number, high: number];
}

/** What the log's swaps say of one position. */
export interface SwapEstimate {
  readonly position: number;
  /** Requests in which it was drawn and the outcome of both items is known. */
  readonly requests: number;
  /** Sum of the outcomes at the position and at the first: positives of a binary head. */
  readonly outcomes: { readonly there: number; readonly first: number };
  /** Left out where too few outcomes were seen to say anything. */
  readonly estimate?: Estimate;
  /**
   * Requests of this position that are missing until the interval is as narrow as wished; undefined where not even that can
   * be said, for no outcome was seen anywhere.
   */
  readonly missing: number | undefined;
}

/** How the two items of one swap fared: the outcome is NaN where it is not known. */
export interface SwapOutcome {
  /** Whose requests belong together: the user, or the request where no user is named. */
  readonly cluster: string;
  /** From 2: the position that was drawn. */
  readonly position: number;
  /** Whether its item changed places with the first, which happens in half of the cases. */
  readonly swapped: boolean;
  readonly first: number;
  readonly there: number;
}
