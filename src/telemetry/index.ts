export { metricCatalogue, type MetricName } from './catalogue.js';
export { createLogger, silentLogger, type Logger, type LogLevel } from './logger.js';
export { createMetrics, type Metrics } from './metrics.js';
export { watchProcess } from './process.js';
