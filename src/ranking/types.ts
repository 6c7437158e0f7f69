import type { Fields } from '../features/index.js';
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
  /** By head, in place of the definition's. */
  readonly weights?: Readonly<Record<string, number>>;
  readonly explain?: boolean;
  /** False for a preview: the answer is not logged. */
  readonly log?: boolean;
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

export type FallbackReason = 'features_failed' | 'scoring_failed' | 'scoring_timeout';

export interface RankAnswer {
  readonly requestId: string;
  readonly ranker: string;
  readonly version: string;
  /** Experiment arms this request fell into, by experiment. */
  readonly arms: Readonly<Record<string, string>>;
  /** The weights that were applied, by head. */
  readonly weights: Readonly<Record<string, number>>;
  /** Fields of this request that do not do what their sender may think; left out where there are none. */
  readonly warnings?: readonly FieldWarning[];
  readonly items: readonly (ScoredItem | UnscoredItem)[];
  /** Present when nothing could be scored: why, and what the items are ordered by instead. */
  readonly fallback?: { readonly reason: FallbackReason; readonly order: 'rates' | 'request' };
  /** With explain: the form of the score and the values that all candidates share. */
  readonly explain?: {
    readonly form: 'product' | 'sum';
    readonly features: Readonly<Record<string, unknown>>;
  };
}
