export { startAudience, type Audience, type TrueChances } from './audience.js';
export { claimDemo } from './claim.js';
export { putCatalogue } from './http.js';
export { startLearner, type LearnerProcess } from './learner.js';
export { tellChances, tellFreshness, watchLive, type LiveResult } from './live.js';
export { measureRanking, showRequest } from './ranked.js';
