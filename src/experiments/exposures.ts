import type { Logger } from '../telemetry/index.js';
import { createRecentNames } from '../recent.js';
import type { Exposed } from './types.js';

/** A set of names on disk, as this needs it: `openMarks` of src/features is one. */
export interface ExposureMarks {
  has(group: string, name: string): boolean;
  add(marks: readonly { readonly group: string; readonly name: string }[]): Promise<void>;
  keepOnly(groups: readonly string[]): Promise<void>;
}

/** Who was exposed to what already. */
export interface ExposureMemory {
  /**
   * Of these, those that are new for the user, who is known to be exposed to them from now on. Never throws nor waits: a disk
   * that fails means that some exposures are logged again after a restart, which readers count once.
   */
  firstTimes(userId: string | number | undefined, exposed: readonly Exposed[]): readonly Exposed[];
  /** Forgets the experiments and phases that are not among these; for a start, when the configuration is known. */
  keepOnly(running: readonly Pick<Exposed, 'experiment' | 'phase'>[]): Promise<void>;
  /** Writes what is not on disk yet; the marks stay open. Call it when the exposures themselves are logged. */
  close(): Promise<void>;
}

export interface ExposureMemoryOptions {
  /** Without them a restart logs exposures again. */
  readonly marks?: ExposureMarks;
  readonly logger?: Logger;
  /** How many are kept in memory, about 100 bytes each; the others are looked up on disk. */
  readonly capacity?: number;
  /**
   * After so long an exposure is taken to be in the event log, and marked on disk: a crash before that logs it again, while
   * a mark that came first could lose it.
   */
  readonly delayMs?: number;
}

const separator = '\u001f';
const groupOf = ({ experiment, phase }: Pick<Exposed, 'experiment' | 'phase'>): string => `${experiment}/${phase}`;

export const createExposureMemory = (options: ExposureMemoryOptions = {}): ExposureMemory => {
  const { marks, logger, capacity = 200_000, delayMs = 10_000 } = options;
  const recent = createRecentNames(capacity);
  let fresh: { group: string; name: string }[] = [];
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  const write = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const due = fresh;
    fresh = [];
    writing = writing
      .then(() => marks?.add(due))
      .catch((error: unknown) =>
        logger?.warn({ err: error, exposures: due.length }, 'exposures could not be marked and may be logged again'),
      );
    return writing;
  };
  const isKnown = (group: string, name: string): boolean => {
    try {
      return marks?.has(group, name) === true;
    } catch (error) {
      logger?.warn({ err: error }, 'marks of exposures cannot be read');
      return false;
    }
  };
  const isFirst = (group: string, name: string): boolean => {
    const key = group + separator + name;
    if (recent.has(key)) return false;
    recent.add(key);
    if (isKnown(group, name)) return false;
    if (marks !== undefined) fresh.push({ group, name });
    return true;
  };

  return {
    firstTimes: (userId, exposed) => {
      if (userId === undefined || userId === '' || exposed.length === 0) return [];
      const name = String(userId);
      const first = exposed.filter((each) => isFirst(groupOf(each), name));
      if (fresh.length > 0) timer ??= setTimeout(() => void write(), delayMs).unref();
      return first;
    },
    keepOnly: async (running) => marks?.keepOnly(running.map(groupOf)),
    close: write,
  };
};
