import { join, resolve } from 'node:path';
import {
  createExposureMemory,
  noExperiments,
  openExperiments,
  type ArmCatalogue,
  type Experiments,
  type ExperimentSource,
  type ExposureMemory,
} from './experiments/index.js';
import { openMarks } from './features/index.js';
import { pollEvery, type Polling } from './polling.js';
import type { Recorder } from './recording/index.js';
import type { Settings } from './settings.js';
import type { Logger, Metrics } from './telemetry/index.js';

/**
 * What ran and who was exposed is kept where the events are that say so: whoever begins a new log begins with neither, and
 * two services have two.
 */
const stateFolder = ({ log, logDirectory, spoolDirectory }: Settings): string =>
  resolve(log === 'kafka' ? spoolDirectory : logDirectory);

/** Where the settings say that experiments come from; undefined for nowhere. */
const experimentSource = (settings: Settings): ExperimentSource | undefined => {
  const { experiments: file, experimentsHost: host, experimentsClientKey: clientKey, experimentsTesters } = settings;
  const lastGood = resolve(settings.experimentsLastGood ?? join(stateFolder(settings), 'experiments.json'));
  if (file !== undefined) return { file: resolve(file), lastGood };
  if (host === undefined || clientKey === undefined) return undefined;
  return {
    host,
    clientKey,
    lastGood,
    ...(experimentsTesters !== undefined && { testers: resolve(experimentsTesters) }),
  };
};

/** The experiments that the settings name. Throws experiments_invalid for a file that is wrong. */
export const openConfigured = async (
  settings: Settings,
  options: {
    readonly catalogue: ArmCatalogue;
    readonly logger: Logger;
    readonly metrics: Metrics;
    readonly now: () => number;
  },
): Promise<Experiments> => {
  const source = experimentSource(settings);
  return source === undefined
    ? noExperiments
    : openExperiments({ ...options, source, pollMs: settings.experimentsPollMs });
};

/**
 * Whose exposure is in the event log, remembered over restarts. To be opened before what writes the log, so that it is closed
 * after: an exposure counts as logged when it is.
 */
export const openExposures = (
  settings: Settings,
  { logger, now }: { readonly logger: Logger; readonly now: () => number },
): ExposureMemory => {
  if (experimentSource(settings) === undefined || settings.log === 'off') return createExposureMemory();
  const marks = openMarks(join(stateFolder(settings), 'exposures'));
  const memory = createExposureMemory({ marks, logger, now });
  return {
    ...memory,
    close: async () => {
      await memory.close();
      await marks.close();
    },
  };
};

/** Exposures are looked through this often, and many times within a retention. */
const longestLookMs = 15 * 60_000;

/**
 * Logs the exposures of running experiments again once half of the log's retention is over, so that the log has each of them for
 * as long as the experiment runs. What the log refuses is told at the next look.
 */
export const retellExposures = (parts: {
  readonly exposures: ExposureMemory;
  readonly experiments: Experiments;
  readonly recorder: Pick<Recorder, 'append'>;
  readonly settings: Pick<Settings, 'logRetentionHours'>;
  readonly logger: Logger;
  readonly now: () => number;
}): Polling => {
  const { exposures, experiments, recorder, settings, logger, now } = parts;
  const retentionMs = settings.logRetentionHours * 3_600_000;
  const look = async (signal: AbortSignal): Promise<void> => {
    const retold = await exposures.retell({
      running: experiments.status().experiments.map(({ key, phase }) => ({ experiment: key, phase })),
      loggedBefore: now() - retentionMs / 2,
      signal,
      append: (told) => recorder.append(told.map((each) => ({ kind: 'exposure', ...each }))),
    });
    if (retold > 0) logger.info({ exposures: retold }, 'exposures are logged again, before the log forgets them');
  };
  return pollEvery(Math.min(longestLookMs, retentionMs / 8), look, (error) =>
    logger.warn({ err: error }, 'exposures could not be logged again yet'),
  );
};
