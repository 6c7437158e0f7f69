import { readdirSync } from 'node:fs';
import {
  constants,
  monitorEventLoopDelay,
  performance,
  PerformanceObserver,
  type PerformanceEntry,
} from 'node:perf_hooks';
import { memoryOf } from '../proc.js';
import type { Metrics } from './metrics.js';

/**
 * Event loop, garbage collection, CPU, memory and files, read at each scrape; collections as they happen. `version` is of
 * this software. Answers how to stop watching.
 */
export const watchProcess = (metrics: Metrics, { version }: { readonly version: string }): (() => void) => {
  metrics.set('watchnext_build_info', { version, node: process.versions.node }, 1);
  const stopCollections = watchCollections(metrics);
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  let loop = performance.eventLoopUtilization();
  let cpu = { user: 0, system: 0 };
  metrics.beforeScrape(() => {
    const quantiles = { '0.5': delay.percentile(50), '0.99': delay.percentile(99), '1': delay.max };
    for (const [quantile, nanoseconds] of Object.entries(quantiles))
      metrics.set('watchnext_event_loop_delay_seconds', { quantile }, nanoseconds / 1e9);
    delay.reset();
    const loopNow = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(loopNow, loop);
    metrics.set('watchnext_event_loop_utilisation_ratio', {}, Number.isFinite(utilization) ? utilization : 0);
    loop = loopNow;
    const cpuNow = process.cpuUsage();
    for (const mode of ['user', 'system'] as const)
      metrics.count('watchnext_cpu_seconds_total', { mode }, (cpuNow[mode] - cpu[mode]) / 1e6);
    cpu = cpuNow;
    const memory = process.memoryUsage();
    metrics.set('watchnext_memory_bytes', { area: 'resident' }, memory.rss);
    metrics.set('watchnext_memory_bytes', { area: 'private' }, memoryOf(process.pid)?.privateBytes ?? memory.rss);
    metrics.set('watchnext_memory_bytes', { area: 'heap' }, memory.heapUsed);
    metrics.set('watchnext_memory_bytes', { area: 'external' }, memory.external);
    metrics.set('watchnext_uptime_seconds', {}, process.uptime());
    const files = openFiles();
    if (files !== undefined) metrics.set('watchnext_open_files', {}, files);
  });
  return () => {
    delay.disable();
    stopCollections();
  };
};

/** The types of Node.js leave out what the entry is of. */
type Collection = PerformanceEntry & { readonly detail?: { readonly kind?: number } };

const watchCollections = (metrics: Metrics): (() => void) => {
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { duration, detail } = entry as Collection;
      const minor = detail?.kind === constants.NODE_PERFORMANCE_GC_MINOR;
      metrics.observe('watchnext_gc_seconds', { kind: minor ? 'minor' : 'major' }, duration / 1000);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return () => observer.disconnect();
};

/** Linux alone tells for nothing. */
const openFiles = (): number | undefined => {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return undefined;
  }
};
