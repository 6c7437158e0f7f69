import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadConfiguration, readConfiguration, readLastGood, type Configuration } from '../../src/experiments/index.js';
import type { Settings } from '../../src/settings.js';

/** What was planned of an experiment: its phase, and its arms with their shares, the control first. */
export interface PlannedShares {
  readonly phase: string;
  readonly shares: Readonly<Record<string, number>>;
}

/**
 * From the file of experiments, or the copy that a service keeps of what applied last; undefined where neither knows the
 * experiment. Throws `experiments_invalid` for a file that is named and cannot be used.
 */
export const plannedShares = async (settings: Settings, experiment: string): Promise<PlannedShares | undefined> => {
  const configuration = await configured(settings);
  const planned = configuration?.experiments.find(({ key }) => key === experiment);
  if (planned === undefined) return undefined;
  return { phase: planned.phase, shares: Object.fromEntries(planned.arms.map(({ key, share }) => [key, share])) };
};

const configured = async (settings: Settings): Promise<Configuration | undefined> => {
  if (settings.experiments !== undefined) return loadConfiguration(settings.experiments);
  const kept = settings.experimentsLastGood ?? join(settings.logDirectory, 'experiments.json');
  const copy = existsSync(resolve(kept)) ? await readLastGood(kept) : undefined;
  return copy === undefined ? undefined : readConfiguration(JSON.parse(copy.payload) as unknown, kept);
};
