export {
  createFeedback,
  refuseFeedback,
  type FeedbackEntry,
  type FeedbackOutcome,
  type SentFeedback,
  type TakeFeedback,
} from './feedback.js';
export { findImpression, type FindOptions } from './find.js';
export { createRecorder, type RecordedEvent, type Recorder, type RecorderOptions } from './recorder.js';
export { recordUpdates } from './updates.js';
