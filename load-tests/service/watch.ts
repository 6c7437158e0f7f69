import { scrapeOf, sumOf, type Scrape } from './prometheus.js';
import { processUse } from './proc.js';

/** What a service was like at a moment. */
export interface ServiceSample {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  readonly rssBytes?: number;
  readonly privateBytes?: number;
  /** Cores in use since the sample before. */
  readonly cores?: number;
  /** From /metrics, where this sample scraped it. */
  readonly scraped?: {
    /** Longest and 99th percentile since the scrape before. */
    readonly eventLoopDelayMaxMs: number;
    readonly eventLoopDelayP99Ms: number;
    readonly heapBytes: number;
    readonly sheds: number;
    readonly fallbacks: number;
    readonly swaps: number;
    readonly deltas: number;
    readonly eventsDropped: number;
    readonly spooled: number;
  };
}

export interface ServiceWatch {
  readonly samples: readonly ServiceSample[];
  /** A scrape of now, kept among the samples. */
  scrape(): Promise<Scrape>;
  stop(): Promise<void>;
}

const everyMs = 1000;
/** A scrape holds up the event loop for milliseconds: once a second it would show in the 99th percentile. */
const scrapeEvery = 5;

/** Looks at a service every second, and at its metrics every five. */
export const watchService = ({ url, pid }: { readonly url: string; readonly pid: number }): ServiceWatch => {
  const samples: ServiceSample[] = [];
  let before: { readonly atMs: number; readonly cpuSeconds: number } | undefined;
  let ticks = 0;
  let last: Promise<unknown> = Promise.resolve();

  const look = (scraped?: Scrape): void => {
    const atMs = Date.now();
    const use = processUse(pid);
    const cores =
      use && before && atMs > before.atMs
        ? (1000 * (use.cpuSeconds - before.cpuSeconds)) / (atMs - before.atMs)
        : undefined;
    if (use !== undefined) before = { atMs, cpuSeconds: use.cpuSeconds };
    const memory = (area: string) => scraped && sumOf(scraped, 'watchnext_memory_bytes', { area });
    const rssBytes = use?.rssBytes ?? memory('resident');
    const privateBytes = use?.privateBytes ?? memory('private');
    samples.push({
      atMs,
      ...(rssBytes !== undefined && { rssBytes }),
      ...(privateBytes !== undefined && { privateBytes }),
      ...(cores !== undefined && { cores: Number(cores.toFixed(2)) }),
      ...(scraped && { scraped: summaryOf(scraped) }),
    });
  };
  const scrape = async (): Promise<Scrape> => {
    const scraped = await scrapeOf(url);
    look(scraped);
    return scraped;
  };
  const timer = setInterval(() => {
    if (ticks++ % scrapeEvery === 0) last = last.then(scrape).catch(() => undefined);
    else look();
  }, everyMs);
  return {
    samples,
    scrape,
    stop: async () => {
      clearInterval(timer);
      await last;
    },
  };
};

const summaryOf = (scrape: Scrape): NonNullable<ServiceSample['scraped']> => ({
  eventLoopDelayMaxMs: 1000 * sumOf(scrape, 'watchnext_event_loop_delay_seconds', { quantile: '1' }),
  eventLoopDelayP99Ms: 1000 * sumOf(scrape, 'watchnext_event_loop_delay_seconds', { quantile: '0.99' }),
  heapBytes: sumOf(scrape, 'watchnext_memory_bytes', { area: 'heap' }),
  sheds: sumOf(scrape, 'watchnext_sheds_total'),
  fallbacks: sumOf(scrape, 'watchnext_fallbacks_total'),
  swaps: sumOf(scrape, 'watchnext_swaps_total', { outcome: 'swapped' }),
  deltas: sumOf(scrape, 'watchnext_deltas_total', { outcome: 'applied' }),
  eventsDropped: sumOf(scrape, 'watchnext_events_dropped_total'),
  spooled: sumOf(scrape, 'watchnext_spool_records'),
});
