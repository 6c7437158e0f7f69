export { createApp, type AppDependencies } from './app.js';
export { refuseGarbage } from './garbage.js';
export { answerWhileLoading } from './loading.js';
export { rankRoute } from './rank.js';
