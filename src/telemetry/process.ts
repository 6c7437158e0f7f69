import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from './metrics.js';

/** Event-loop delay and memory, read at each scrape. Answers how to stop watching. */
export const watchProcess = (metrics: Metrics): (() => void) => {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  metrics.beforeScrape(() => {
    const quantiles = { '0.5': delay.percentile(50), '0.99': delay.percentile(99), '1': delay.max };
    for (const [quantile, nanoseconds] of Object.entries(quantiles))
      metrics.set('watchnext_event_loop_delay_seconds', { quantile }, nanoseconds / 1e9);
    delay.reset();
    const memory = process.memoryUsage();
    metrics.set('watchnext_memory_bytes', { area: 'resident' }, memory.rss);
    metrics.set('watchnext_memory_bytes', { area: 'heap' }, memory.heapUsed);
    metrics.set('watchnext_memory_bytes', { area: 'external' }, memory.external);
  });
  return () => void delay.disable();
};
