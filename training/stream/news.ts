import type { RankerDefinition } from '../../src/definition/index.js';
import type { Publication } from './publish.js';

/** What a person wants to know when it happens. */
export type LearnerNews =
  | {
      readonly kind: 'started';
      readonly version: string;
      readonly from: 'checkpoint' | 'version';
      readonly steps: number;
      /** As it was sealed with the version. */
      readonly definition: RankerDefinition;
    }
  | ({ readonly what: 'update' | 'version' } & Publication)
  | { readonly kind: 'checkpoint'; readonly pauseMs: number; readonly seconds: number }
  | { readonly kind: 'retreat'; readonly from: string; readonly to: string; readonly reason: string }
  | { readonly kind: 'warning'; readonly message: string };

export type TellNews = (news: LearnerNews) => void;
