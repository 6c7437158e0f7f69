export { metricCatalogue, type LabelsOf, type MetricName, type MetricSpec } from './catalogue/index.js';
export { serveMetrics, type MetricsEndpoint } from './endpoint.js';
export { createLogger, silentLogger, type Logger, type LogLevel } from './logger.js';
export { createMetrics, type Metrics } from './metrics.js';
export { metricsPage } from './page.js';
export { Timeline } from './timeline.js';
export { createTracer, parseTraceparent, type RequestTrace, type Tracer, type TracerOptions } from './tracer.js';
export { watchProcess } from './process.js';
