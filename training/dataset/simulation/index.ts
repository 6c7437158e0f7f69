export { feedbackEvent, feedbackOf, lostShare, type WorldFeedback } from './feedback.js';
export {
  devices,
  examination,
  expectationAt,
  type Device,
  type Expectation,
  type Happening,
  type ShownExpectation,
} from './law.js';
export { type Person } from './people.js';
export { runWorld, type RunWorldOptions, type WorldDay, type WorldReport } from './run.js';
export { simulate, type SimulateOptions, type Simulation } from './simulate.js';
export { sources, type Nomination, type Source } from './sources.js';
export { createTally, type Tally, type Truth, type TruePerVisit, type Visit } from './tally.js';
export { type Video } from './videos.js';
export { createWorld, type World, type WorldOptions, type WorldRequest } from './world.js';
export type { WorldAnswer, WorldEntity, WorldFeedbackAnswer, WorldRankRequest, WorldService } from './service.js';
