export { createApp, type AppDependencies } from './app.js';
export type { SaidClock } from './clock.js';
export { answerWhileLoading } from './loading.js';
