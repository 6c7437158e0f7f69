export { createApp, type AppDependencies } from './app.js';
export { isLoopback } from './admin.js';
