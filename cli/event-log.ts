import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { WatchnextError } from '../src/errors.js';
import type { EventLog } from '../src/events/index.js';
import { openLog } from '../src/log.js';
import type { Settings } from '../src/settings.js';
import { silentLogger } from '../src/telemetry/index.js';

/** The log that the settings name, to read its events. An embedded one that is not there is refused, not made. */
export const openEventsToRead = async (settings: Settings): Promise<EventLog> => {
  const directory = resolve(settings.logDirectory);
  if (settings.log === 'embedded' && !existsSync(join(directory, 'events')))
    throw new WatchnextError('settings_invalid', `There is no event log in ${directory}.`, {
      problems: [
        {
          path: '--log-directory',
          message: 'has no events',
          hint: 'name the folder that `watchnext serve` writes, or --log kafka with --kafka-brokers',
        },
      ],
    });
  return openLog(settings, { logger: silentLogger });
};
