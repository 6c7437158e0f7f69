export { scrapeOf, scrapeUntil, sumOf, type Scrape } from './prometheus.js';
export { processUse, type ProcessUse } from './proc.js';
export { startService, type ServiceProcess, type StartOptions } from './start.js';
export { watchService, type ServiceSample, type ServiceWatch } from './watch.js';
