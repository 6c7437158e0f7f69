import { startBroker } from '../../cli/kafka/index.js';
import { round } from '../measure/index.js';
import { sumOf } from '../service/index.js';
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
          const dependency = { begin: () => broker.kill(), end: () => broker.restart() };
          const finding = await withOutage(lab, subject, dependency);
          const { drive, measures } = finding;
          const waiting = drive.samples.map(({ scraped }) => scraped?.spooled ?? 0);
          return {
            ...finding,
            measures: {
              ...measures,
              awayP99Ratio: round((measures['awayP99Ms'] ?? NaN) / (measures['beforeP99Ms'] ?? NaN)),
              eventsDropped: sumOf(drive.scrape, 'watchnext_events_dropped_total'),
              mostWaiting: Math.max(...waiting),
              waitingAtEnd: sumOf(drive.scrape, 'watchnext_spool_records'),
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
