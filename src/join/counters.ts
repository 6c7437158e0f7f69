import type { JoinCounters } from './types.js';

export const noCounts = (): JoinCounters => ({
  impressions: 0,
  duplicateImpressions: 0,
  foreignImpressions: 0,
  feedback: 0,
  duplicateFeedback: 0,
  unreadFeedback: 0,
  valuelessFeedback: 0,
  lateFeedback: 0,
  skewedFeedback: 0,
  earlyFeedback: 0,
  orphanedFeedback: 0,
  strangeFeedback: 0,
  farAheadFeedback: 0,
  unreadableEvents: 0,
  outcomes: 0,
  examples: 0,
});
