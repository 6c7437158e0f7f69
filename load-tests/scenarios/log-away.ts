import { startBroker } from '../../cli/kafka/index.js';
import { round } from '../measure/index.js';
import { scrapeUntil, sumOf, type Scrape } from '../service/index.js';
import { withOutage } from './outage.js';
import { orLacking, type Scenario } from './types.js';

export const logAway: Scenario = {
  about: 'Kafka is killed at half load and comes back: ranking goes on, no event is lost',
  takesSeconds: [65, 40],
  sharesOfSaturation: false,
  run: async (lab) => {
    const broker = await orLacking(() => startBroker());
    try {
      const flags = { log: 'kafka', 'kafka-brokers': broker.brokers.join(',') };
      return await lab.withService(
        async (subject) => {
          let backAtMs = NaN;
          const end = async (): Promise<void> => {
            await broker.restart();
            backAtMs = Date.now();
          };
          const finding = await withOutage(lab, subject, { begin: () => broker.kill(), end });
          const { drive, measures } = finding;
          const scrape = await forwarded(subject.service.url);
          const waiting = drive.samples.map(({ scraped }) => scraped?.spooled ?? 0);
          return {
            ...finding,
            measures: {
              ...measures,
              awayP99Ratio: round((measures['awayP99Ms'] ?? NaN) / (measures['beforeP99Ms'] ?? NaN)),
              eventsDropped: sumOf(scrape, 'watchnext_events_dropped_total'),
              mostWaiting: Math.max(...waiting),
              waitingAtEnd: sumOf(scrape, 'watchnext_spool_records'),
              forwardedWithinSeconds: round((Date.now() - backAtMs) / 1000, 1),
            },
          };
        },
        { flags },
      );
    } finally {
      await broker.stop();
    }
  },
};

const patienceMs = 60_000;

/** The metrics once nothing waits on disk any more, or patience is over. */
const forwarded = (url: string): Promise<Scrape> =>
  scrapeUntil(url, (scrape) => sumOf(scrape, 'watchnext_spool_records') === 0, { timeoutMs: patienceMs, everyMs: 500 });
