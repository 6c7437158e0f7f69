import type { Fields } from '../../../src/features/index.js';
import type { WorldFeedback } from './feedback.js';

export interface WorldEntity {
  readonly id: string;
  readonly fields: Fields;
}

/** What is asked of the service; of the shape of its own requests, with the time at which somebody asks. */
export interface WorldRankRequest {
  readonly requestId: string;
  readonly time: number;
  readonly user: { readonly id: string; readonly fields: Fields };
  readonly context: Fields;
  readonly candidates: readonly WorldEntity[];
  readonly limit: number;
}

/** What the world needs of an answer. */
export interface WorldAnswer {
  readonly requestId: string;
  readonly version?: string;
  readonly arms: Readonly<Record<string, string>>;
  readonly items: readonly { readonly id: string | number }[];
}

/** What of some feedback the service did not take as new. */
export interface WorldFeedbackAnswer {
  readonly duplicates: number;
  readonly refused: number;
}

/** The service that people visit, over HTTP or in this process. Its clock is the world's. */
export interface WorldService {
  /** "It is now this time, and everything before has been said." Resolves when the service is ready for what comes then. */
  say(time: number): Promise<void>;
  put(kind: 'item' | 'user', entities: readonly WorldEntity[]): Promise<void>;
  rank(request: WorldRankRequest): Promise<WorldAnswer>;
  /** In the order of their times. */
  feedback(events: readonly WorldFeedback[]): Promise<WorldFeedbackAnswer>;
}
