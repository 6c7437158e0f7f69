import type { Logger } from '../telemetry/index.js';
import { createRecentNames } from '../recent.js';
import type { Exposed, ToldExposure } from './types.js';

/** Names on disk with a note each, as this needs them: `openMarks` of src/features is one. */
export interface ExposureMarks {
  has(group: string, name: string): boolean;
  add(marks: readonly { readonly group: string; readonly name: string; readonly note: string }[]): Promise<void>;
  notes(
    group: string,
    options: { readonly after?: string; readonly most: number },
  ): readonly { readonly place: string; readonly note: string }[];
  keepOnly(groups: readonly string[]): Promise<void>;
}

type Phase = Pick<Exposed, 'experiment' | 'phase'>;

export interface RetellOptions {
  /** Of what ended, the log may forget. */
  readonly running: readonly Phase[];
  /** By the clock of `now`: what was logged last before that is logged again. */
  readonly loggedBefore: number;
  /** Resolves when they are in the log. */
  readonly append: (exposures: readonly ToldExposure[]) => Promise<void>;
  /** Ends it between two steps. */
  readonly signal?: AbortSignal;
}

/** Who was exposed to what already. */
export interface ExposureMemory {
  /**
   * Of these, those that are new for the user, who is known to be exposed to them from this event time on. Never throws nor
   * waits: a disk that fails means that some exposures are logged again after a restart, which readers count once.
   */
  firstTimes(
    user: { readonly id: string | number | undefined; readonly time: number },
    exposed: readonly Exposed[],
  ): readonly ToldExposure[];
  /**
   * Logs exposures again as they were, before the log's retention drops them: with the time of the first ranking, and of all
   * users, since those who come back are no fair part of an arm. Answers how many; rejects with what `append` rejects with,
   * and then the others are left for the next time. Without marks there are none.
   */
  retell(options: RetellOptions): Promise<number>;
  /** Forgets the experiments and phases that are not among these; for a start, when the configuration is known. */
  keepOnly(running: readonly Phase[]): Promise<void>;
  /** Writes what is not on disk yet; the marks stay open. Call it when the exposures themselves are logged. */
  close(): Promise<void>;
}

export interface ExposureMemoryOptions {
  /** Without them a restart logs exposures again. */
  readonly marks?: ExposureMarks;
  readonly logger?: Logger;
  /** Of the log's retention, milliseconds since the epoch; the wall clock if left out. */
  readonly now?: () => number;
  /** How many are kept in memory, about 100 bytes each; the others are looked up on disk. */
  readonly capacity?: number;
  /**
   * After so long an exposure is taken to be in the event log, and marked on disk: a crash before that logs it again, while
   * a mark that came first could lose it.
   */
  readonly delayMs?: number;
}

const separator = '\u001f';
const groupOf = ({ experiment, phase }: Phase): string => `${experiment}/${phase}`;
/** Requests wait no longer than reading so many takes: below a millisecond. */
const retoldPerStep = 200;

/** What a mark says: enough to log the exposure again. */
interface Note {
  readonly loggedAt: number;
  readonly time: number;
  readonly user: string | number;
  readonly arm: string;
}
/** Undefined for a mark that says nothing, as those of earlier versions. */
const readNote = (text: string): Note | undefined => (text === '' ? undefined : (JSON.parse(text) as Note));

export const createExposureMemory = (options: ExposureMemoryOptions = {}): ExposureMemory => {
  const { marks, logger, now = Date.now, capacity = 200_000, delayMs = 10_000 } = options;
  const recent = createRecentNames(capacity);
  let fresh: { group: string; name: string; note: string }[] = [];
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
    return !isKnown(group, name);
  };
  const markOf = (told: ToldExposure) => {
    const { userId: user, time, arm } = told;
    const note: Note = { loggedAt: now(), time, user, arm };
    return { group: groupOf(told), name: String(user), note: JSON.stringify(note) };
  };

  /** The exposures of one group that were logged last before a time, in small steps. */
  async function* due(
    phase: Phase,
    { loggedBefore, signal }: Pick<RetellOptions, 'loggedBefore' | 'signal'>,
  ): AsyncGenerator<readonly ToldExposure[]> {
    const page = (after: string | undefined) =>
      marks?.notes(groupOf(phase), { most: retoldPerStep, ...(after !== undefined && { after }) }) ?? [];
    for (let notes = page(undefined); notes.length > 0 && signal?.aborted !== true; notes = page(notes.at(-1)?.place)) {
      const found = notes.flatMap(({ note: text }): ToldExposure[] => {
        const note = readNote(text);
        if (note === undefined || note.loggedAt >= loggedBefore) return [];
        const { experiment, phase: phaseName } = phase;
        return [{ experiment, arm: note.arm, phase: phaseName, userId: note.user, time: note.time }];
      });
      if (found.length > 0) yield found;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  return {
    firstTimes: ({ id: userId, time }, exposed) => {
      if (userId === undefined || userId === '' || exposed.length === 0) return [];
      const name = String(userId);
      const first = exposed
        .filter((each) => isFirst(groupOf(each), name))
        .map((each): ToldExposure => ({ ...each, userId, time }));
      if (marks !== undefined) for (const told of first) fresh.push(markOf(told));
      if (fresh.length > 0) timer ??= setTimeout(() => void write(), delayMs).unref();
      return first;
    },
    retell: async ({ running, append, ...which }) => {
      let retold = 0;
      for (const phase of running)
        for await (const told of due(phase, which)) {
          await append(told);
          await marks?.add(told.map(markOf));
          retold += told.length;
        }
      return retold;
    },
    keepOnly: async (running) => marks?.keepOnly(running.map(groupOf)),
    close: write,
  };
};
