import type { Exploration } from '../events/index.js';
import type { Fields } from '../features/index.js';
import type { Timeline } from '../telemetry/index.js';
import type { Entity, EntityId } from './entities.js';
import type { FieldWarning } from './warnings.js';

/** One request to rank, checked: ids are unique, fields are plain values. */
export interface RankRequest {
  readonly requestId: string;
  readonly ranker?: string;
  readonly user?: { readonly id?: EntityId; readonly fields: Fields };
  readonly context?: Fields;
  readonly candidates: readonly Entity[];
  /** How many items to answer; all if left out. */
  readonly limit?: number;
  /** By head, in place of the definition's: for trying them, so that no arm applies. */
  readonly weights?: Readonly<Record<string, number>>;
  readonly explain?: boolean;
  /** When somebody asks, milliseconds since the epoch; now if left out. */
  readonly time?: number;
  /** False for a preview: the answer is not logged, nobody is exposed and the order is not varied. */
  readonly log?: boolean;
  /** The answer is of use until then, as performance.now() says it; for ever if left out. */
  readonly deadline?: number;
  /** Aborts when nobody waits any more: then nothing more is done, nothing is logged, and the ranking rejects. */
  readonly signal?: AbortSignal;
  /** Told on what time is spent. */
  readonly timeline?: Timeline;
  /** There is no time for scores: nothing is read, the answer comes in the fallback order. */
  readonly overloaded?: boolean;
}

export interface ScoredItem {
  readonly id: EntityId;
  /** 1-based. */
  readonly position: number;
  readonly score: number;
  /** Predicted outcomes in natural units: probabilities, seconds. */
  readonly heads: Readonly<Record<string, number>>;
  readonly explain?: ItemExplanation;
}

/** A candidate that could not be scored: it comes after all that could, and has no score. */
export interface UnscoredItem {
  readonly id: EntityId;
  readonly position: number;
  readonly scored: false;
}

export interface ItemExplanation {
  /** By head: its part of the score; the score is exp of their sum (product) or their sum. */
  readonly parts: Readonly<Record<string, number>>;
  /** By head: how much each expert counted; sums to 1. */
  readonly gates?: Readonly<Record<string, readonly number[]>>;
  /** The candidate's feature values as the model got them, before scaling. */
  readonly features: Readonly<Record<string, unknown>>;
}

export const fallbackReasons = ['features_failed', 'scoring_failed', 'deadline_passed', 'overloaded'] as const;
export type FallbackReason = (typeof fallbackReasons)[number];

/**
 * Why no arm applies: the request names no user, or brings its own weights; what is stored of the user cannot be read, or a
 * version that an arm names does not serve.
 */
export type Unassigned = 'no_user' | 'weights' | 'user_unreadable' | 'arm_unavailable';

/** store: stored fields of the user or of candidates could not be read, and old ones or defaults took their place. */
export type Degradation = 'store';

export interface RankAnswer {
  readonly requestId: string;
  readonly ranker: string;
  readonly version: string;
  /** Experiment arms this request fell into, by experiment. */
  readonly arms: Readonly<Record<string, string>>;
  /** Left out where arms were looked for, found or not. */
  readonly unassigned?: Unassigned;
  /** How the order was varied; left out where it cannot be. */
  readonly exploration?: Exploration;
  /** The weights that were applied, by head. */
  readonly weights: Readonly<Record<string, number>>;
  /** Fields of this request that do not do what their sender may think; left out where there are none. */
  readonly warnings?: readonly FieldWarning[];
  readonly items: readonly (ScoredItem | UnscoredItem)[];
  /** What failed without failing the answer; left out where nothing did. */
  readonly degraded?: readonly Degradation[];
  /** Present when nothing could be scored: why, and what the items are ordered by instead. */
  readonly fallback?: { readonly reason: FallbackReason; readonly order: 'rates' | 'request' };
  /** With explain: the form of the score and the values that all candidates share. */
  readonly explain?: {
    readonly form: 'product' | 'sum';
    readonly features: Readonly<Record<string, unknown>>;
  };
}
