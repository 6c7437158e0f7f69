import type { Metrics } from '../../src/telemetry/index.js';

/** What metrics say now: the value of a series by its name and labels, undefined where there is none. */
export const scraped = async (metrics: Pick<Metrics, 'scrape'>): Promise<(series: string) => number | undefined> => {
  const lines = (await metrics.scrape()).split('\n');
  return (series) => {
    const found = lines.find((line) => line.startsWith(`${series} `));
    return found === undefined ? undefined : Number(found.split(' ')[1]);
  };
};
