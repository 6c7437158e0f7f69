import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import {
  metricNames,
  metricSpec,
  type LabelsOf,
  type MetricName,
  type MetricOf,
  type MetricOwner,
} from './catalogue/index.js';

/** The catalogue’s metrics, by name; labels are checked by the compiler. */
export interface Metrics {
  count<N extends MetricOf<'counter'>>(name: N, labels: LabelsOf<N>, by?: number): void;
  observe<N extends MetricOf<'histogram'>>(name: N, labels: LabelsOf<N>, value: number): void;
  set<N extends MetricOf<'gauge'>>(name: N, labels: LabelsOf<N>, value: number): void;
  /** Forgets a gauge’s series, e.g. the info of a version that no longer serves. */
  remove<N extends MetricOf<'gauge'>>(name: N, labels: LabelsOf<N>): void;
  /** Runs before each scrape, for gauges that are read rather than pushed. */
  beforeScrape(collect: () => void): void;
  /** Prometheus text. */
  scrape(): Promise<string>;
  readonly contentType: string;
}

/**
 * A fresh registry per call, so that several services can live in one process. It has the metrics of one kind of process,
 * the service if left out; what is measured of others is passed over.
 */
export const createMetrics = (owner: MetricOwner = 'service'): Metrics => {
  const registry = new Registry();
  const counters = new Map<MetricName, Counter>();
  const gauges = new Map<MetricName, Gauge>();
  const histograms = new Map<MetricName, Histogram>();
  for (const name of metricNames(owner)) {
    const { kind, labels, help, buckets } = metricSpec(name);
    const options = { name, help, labelNames: Object.keys(labels), registers: [registry] };
    if (kind === 'counter') counters.set(name, new Counter(options));
    else if (kind === 'gauge') gauges.set(name, new Gauge(options));
    else histograms.set(name, new Histogram({ ...options, buckets: [...(buckets ?? [])] }));
  }
  const collectors: (() => void)[] = [];
  return {
    count: (name, labels, by = 1) => counters.get(name)?.inc(labels, by),
    observe: (name, labels, value) => histograms.get(name)?.observe(labels, value),
    set: (name, labels, value) => gauges.get(name)?.set(labels, value),
    remove: (name, labels) => gauges.get(name)?.remove(labels),
    beforeScrape: (collect) => void collectors.push(collect),
    scrape: () => {
      for (const collect of collectors) collect();
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
};
