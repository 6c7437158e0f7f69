export { createApp, type AppDependencies } from './app.js';
export { refuseGarbage } from './garbage.js';
export { openInProcess } from './in-process.js';
export { answerWhileLoading } from './loading.js';
export { createMessageClasses, type MessageClasses } from './messages.js';
export { rankRoute } from './rank.js';
