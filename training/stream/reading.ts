import { setTimeout as wait } from 'node:timers/promises';
import { WatchnextError } from '../../src/errors.js';
import type { CountedLog } from './counted-log.js';
import type { LearningStream } from './joining.js';
import type { DescribedJoined } from './learner.js';

export interface ReadingOptions {
  readonly stream: LearningStream;
  /** The log that the stream reads. */
  readonly log: CountedLog;
  readonly untilEnd: boolean;
  readonly signal: AbortSignal | undefined;
  readonly warn: (message: string) => void;
}

export interface Reading {
  /** Reads on. One at a time; one that fails may be waited for later. */
  next(): Promise<DescribedJoined>;
  /** Whether there is to be no more: the log is at its end, or it was asked to stop. */
  isOver(): boolean;
}

const readAtOnce = 2000;
const followMs = 250;
/** After this long without a record the log is at its end. */
const endMs = { embedded: 300, kafka: 3000 } as const;

export const createReading = ({ stream, log, untilEnd, signal, warn }: ReadingOptions): Reading => {
  const how = { most: readAtOnce, waitMs: untilEnd ? endMs[log.kind] : followMs };

  /** While a log is away there is nothing to do but wait; who reads on then misses nothing. */
  const readOn = async (): Promise<DescribedJoined> => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await stream.next(how);
      } catch (error) {
        const away = error instanceof WatchnextError && error.code === 'log_unavailable';
        if (!away || signal?.aborted === true) throw error;
        if (attempt === 0) warn(`${error.message} Learning waits for it.`);
        await wait(Math.min(5000, 250 * 2 ** attempt));
      }
    }
  };

  return {
    next: () => {
      const reading = readOn();
      // It is waited for only after the batch under way; if that fails first, this must not be nobody's.
      reading.catch(() => undefined);
      return reading;
    },
    isOver: () => (untilEnd && log.read.last === 0) || signal?.aborted === true,
  };
};
