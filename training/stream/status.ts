import { sealedVersion, type Sources } from '../../src/artifact/index.js';
import type { EventLog } from '../../src/events/index.js';
import { newestTime } from './newest.js';
import type { OpenLearner } from './open.js';
import type { LearnerCounts, LearnerPlace } from './place.js';
import type { HeadMeasures } from './types.js';
import type { Windows } from './windows.js';

export interface LearnerStatus {
  /** Log records read since the start of this run, and rows learned, with their rates since the last status. */
  readonly events: number;
  readonly eventsPerSecond: number;
  readonly rows: number;
  readonly rowsPerSecond: number;
  readonly losses: Readonly<Record<string, number>>;
  /** Of the learner's own predictions over the last `stream.window` rows. */
  readonly measures: HeadMeasures;
  /** Of what was served, by sealed version (its deltas with it): the last few that served rows of the window. */
  readonly served: Readonly<Record<string, HeadMeasures>>;
  /** Event time until which everything was read; undefined before the first event. */
  readonly watermark: number | undefined;
  /** Behind the wall clock, or by event time behind what is newest in the log; undefined where that cannot be told. */
  readonly lagMs: number | undefined;
  /** What was published last, or learned on from. */
  readonly version: string;
  readonly counts: LearnerCounts;
  /** Where the rows came from, since learning began at a version trained from files. */
  readonly sources: Sources;
}

export interface LearnerReport extends Omit<LearnerStatus, 'eventsPerSecond' | 'rowsPerSecond'> {
  readonly place: LearnerPlace;
  readonly seconds: number;
  /** Milliseconds by part of the work. */
  readonly spentMs: Readonly<Record<string, number>>;
  readonly published: number;
  readonly sealed: readonly string[];
}

/** What the learner is asked about. */
export interface Asked {
  readonly open: Pick<OpenLearner, 'learner' | 'windows'>;
  readonly log: EventLog;
  readonly clock: 'wall' | 'stream';
  /** Records read so far. */
  readonly events: number;
  readonly watermark: number;
  readonly version: string;
}

export type Unpaced = Omit<LearnerStatus, 'eventsPerSecond' | 'rowsPerSecond'>;

export const statusOf = async (asked: Asked): Promise<Unpaced> => {
  const { open, log, clock, events, version } = asked;
  const { learner, windows } = open;
  const { counts, sources = {} } = learner.place;
  const watermark = Number.isFinite(asked.watermark) ? asked.watermark : undefined;
  const newest = clock === 'wall' ? Date.now() : await newestTime(log);
  const isKnown = watermark !== undefined && newest !== undefined;
  return {
    events,
    rows: counts.rows,
    losses: learner.losses,
    measures: windows.measures({ by: 'learner' }),
    served: servedMeasures(windows),
    watermark,
    lagMs: isKnown ? Math.max(0, newest - watermark) : undefined,
    version,
    counts,
    sources,
  };
};

/** Adds the rates since the status before, or since this was made. */
export const createPace = (): ((status: Unpaced) => LearnerStatus) => {
  let before = { events: 0, rows: 0, at: performance.now() };
  return (status) => {
    const { events, rows } = status;
    const at = performance.now();
    const seconds = (at - before.at) / 1000;
    const eventsPerSecond = (events - before.events) / seconds;
    const rowsPerSecond = (rows - before.rows) / seconds;
    before = { events, rows, at };
    return { ...status, eventsPerSecond, rowsPerSecond };
  };
};

/** So many sealed versions are measured apart. */
const measuredVersions = 3;

/** Lists of other rankers (named ranker@version) are no measure of this one’s versions. */
const servedMeasures = (windows: Windows): Record<string, HeadMeasures> => {
  const own = windows.versions().filter((version) => version !== '' && !version.includes('@'));
  const sealed = [...new Set(own.map(sealedVersion))].slice(-measuredVersions);
  return Object.fromEntries(sealed.map((version) => [version, windows.measures({ by: { sealed: version } })]));
};
