import { startRedis } from '../../cli/redis/index.js';
import { putEntities } from '../model/index.js';
import { withOutage } from './outage.js';
import { orLacking, type Scenario } from './types.js';

/** So few that memory cannot stand in for all of the store. */
const cachedShare = 0.2;

export const storeAway: Scenario = {
  about: 'Redis is killed at half load and comes back: ranking goes on from memory and defaults, and says so',
  takesSeconds: [65, 40],
  sharesOfSaturation: false,
  run: async (lab) => {
    const redis = await orLacking(() => startRedis());
    try {
      const { users, items } = lab.options;
      const flags = {
        'redis-url': redis.url,
        'store-cache-entries': String(Math.round(cachedShare * (users + items))),
      };
      return await lab.withService(
        async (subject) => {
          await putEntities(subject.service.url, lab.prepared);
          const dependency = { begin: () => redis.kill(), end: () => redis.restart() };
          const finding = await withOutage(lab, subject, dependency);
          return {
            ...finding,
            notes: [`Memory holds ${100 * cachedShare} % of users and items; Redis keeps its data over the outage.`],
          };
        },
        { flags, emptyStore: true },
      );
    } finally {
      await redis.stop();
    }
  },
};
