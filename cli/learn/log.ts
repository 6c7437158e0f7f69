import { WatchnextError } from '../../src/errors.js';
import { deadLetterRecord, type DeadLetter, type EventLog } from '../../src/events/index.js';
import { openLog, type LogSettings } from '../../src/log.js';
import type { Logger } from '../../src/telemetry/index.js';

export interface LearnerLogOptions {
  /** Whether this process joins, and so meets what cannot be used. */
  readonly joins: boolean;
  /** A folder for dead letters of this learner alone. */
  readonly aside: string;
  readonly logger: Logger;
}

/** The log as a learner uses it. */
export interface LearnerLog {
  readonly log: EventLog;
  readonly onDeadLetter?: (letter: DeadLetter) => Promise<void>;
  /** Where dead letters are kept if not in the log. */
  readonly aside?: string;
  close(): Promise<void>;
}

/**
 * Opens the log to learn from. An embedded log has one writer per topic: the learner that comes second keeps its dead
 * letters in a log of its own. Each learner joins by its own labels, so each has its own, and none is lost.
 */
export async function openLearnerLog(settings: LogSettings, options: LearnerLogOptions): Promise<LearnerLog> {
  const { joins, aside, logger } = options;
  if (!joins) {
    const log = await openLog(settings, { logger });
    return { log, close: () => log.close() };
  }
  const log = await openLog(settings, { logger, writes: ['dead-letters'] }).catch((error: unknown) => {
    if (error instanceof WatchnextError && error.code === 'log_locked') return undefined;
    throw error;
  });
  if (log !== undefined) return { log, onDeadLetter: (letter) => keep(log, letter), close: () => log.close() };
  const shared = await openLog(settings, { logger });
  try {
    const own = await openLog(
      { ...settings, logDirectory: aside, logPartitions: await shared.partitions('events') },
      { logger, writes: ['dead-letters'] },
    );
    return {
      log: shared,
      aside,
      onDeadLetter: (letter) => keep(own, letter),
      close: async () => {
        await own.close();
        await shared.close();
      },
    };
  } catch (error) {
    await shared.close();
    throw error;
  }
}

/** The letter says where its record came from; a topic with fewer partitions than `events` takes it in another one. */
const keep = async (log: EventLog, letter: DeadLetter): Promise<void> => {
  const partition = letter.partition % (await log.partitions('dead-letters'));
  await log.append('dead-letters', [{ ...deadLetterRecord(letter), partition }]);
};
