import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { WatchnextError } from '../src/errors.js';
import type { EventLog, Topic } from '../src/events/index.js';
import { openLog } from '../src/log.js';
import type { Settings } from '../src/settings.js';
import { silentLogger } from '../src/telemetry/index.js';

/** The log that the settings name, to be read, and which of the topics it has. One that has none of them is refused, not made. */
export const openTopicsToRead = async <T extends Topic>(
  settings: Settings,
  wanted: readonly T[],
): Promise<{ readonly log: EventLog; readonly there: readonly T[] }> => {
  const directory = resolve(settings.logDirectory);
  const there = wanted.filter((topic) => settings.log !== 'embedded' || existsSync(join(directory, topic)));
  if (there.length === 0)
    throw new WatchnextError('settings_invalid', `There is no event log in ${directory}.`, {
      problems: [
        {
          path: '--log-directory',
          message: `has no ${wanted.join(', no ')}`,
          hint: 'name the folder that `watchnext serve` writes, or --log kafka with --kafka-brokers',
        },
      ],
    });
  return { log: await openLog(settings, { logger: silentLogger }), there };
};

/** The same of its events. */
export const openEventsToRead = async (settings: Settings): Promise<EventLog> =>
  (await openTopicsToRead(settings, ['events'])).log;
