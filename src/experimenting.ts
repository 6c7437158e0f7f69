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
export const openExposures = (settings: Settings, logger: Logger): ExposureMemory => {
  if (experimentSource(settings) === undefined || settings.log === 'off') return createExposureMemory();
  const marks = openMarks(join(stateFolder(settings), 'exposures'));
  const memory = createExposureMemory({ marks, logger });
  return {
    ...memory,
    close: async () => {
      await memory.close();
      await marks.close();
    },
  };
};
