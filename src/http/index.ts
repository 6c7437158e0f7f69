export { createApp, type AppDependencies } from './app.js';
export { answerWhileLoading } from './loading.js';
