export { createJoinerMetrics } from './metrics.js';
