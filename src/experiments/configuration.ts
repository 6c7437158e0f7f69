import { readFile } from 'node:fs/promises';
import { WatchnextError, type Problem } from '../errors.js';
import { createAssign } from './assignment.js';
import { begunWith, changeProblems, type Begun } from './changes.js';
import { conflicts } from './conflicts.js';
import { readPayload, type Findings, type Testers } from './payload.js';
import { readRules, type ReadExperiment } from './rule.js';
import { testerNotes } from './testers.js';
import type { ArmCatalogue, Configuration } from './types.js';

export interface ReadOptions {
  /** Without one, what arms name is not looked up. */
  readonly catalogue?: ArmCatalogue | undefined;
  /** What has been running: it must not change in the middle of a phase. */
  readonly begun?: Begun;
  /** Beside those of the payload. */
  readonly testers?: Testers;
}

export interface ReadConfiguration extends Configuration {
  /** The experiments with where they stand, in the order of `experiments`. */
  readonly read: readonly ReadExperiment[];
  /** What has begun when this applies. */
  readonly begun: Begun;
}

/**
 * A payload as a configuration that may apply. Pure. `source` is what messages call it. Throws `experiments_invalid` with all
 * problems at once, each with a JSON pointer into the payload.
 */
export const readConfiguration = (value: unknown, source: string, options: ReadOptions = {}): ReadConfiguration => {
  const { catalogue, begun = {}, testers = {} } = options;
  const findings: Findings = { problems: [], notes: [] };
  const payload = readPayload(value, findings);
  const context = { savedGroups: payload.savedGroups, catalogue, findings };
  const read = payload.features.map((feature) => readRules(feature, context));
  const experiments = read.flatMap((feature) => feature.experiments);
  const setters = read.flatMap((feature) => feature.setters);
  findings.problems.push(...conflicts(experiments, setters), ...changeProblems(experiments, begun));
  if (findings.problems.length > 0) throw refusal(source, findings.problems);
  const planned = experiments.map((experiment) => experiment.planned);
  const all = { ...payload.testers, ...testers };
  return {
    experiments: planned,
    read: experiments,
    settings: setters.flatMap(({ values }) => values),
    notes: [...findings.notes, ...testerNotes(all, planned)],
    assign: createAssign({ ...payload, testers: all }, planned),
    begun: begunWith(begun, experiments),
  };
};

const refusal = (source: string, problems: readonly Problem[], cause?: unknown): WatchnextError => {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new WatchnextError('experiments_invalid', `${source} has ${count}`, { problems, cause });
};

/** The value of a JSON text. Throws `experiments_invalid`. */
export const parsePayload = (text: string, source: string): unknown => {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')) as unknown;
  } catch (cause) {
    const message = text.trim() === '' ? 'is empty' : `is not JSON: ${(cause as Error).message}`;
    throw refusal(source, [{ path: source, message, hint: 'for no experiments at all write {"features": {}}' }]);
  }
};

/** A file’s text. Throws `experiments_invalid` for one that cannot be read. */
export const readPayloadFile = async (file: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const gone = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const message = gone ? 'there is no such file' : `cannot be read: ${(cause as Error).message}`;
    const hint = 'name a file of experiments, such as models/demo/experiments.json';
    throw refusal(file, [{ path: file, message, hint }], cause);
  }
};

/** The experiments of a file, for commands and reports. Throws `experiments_invalid` with all problems at once. */
export const loadConfiguration = async (file: string, catalogue?: ArmCatalogue): Promise<Configuration> =>
  readConfiguration(parsePayload(await readPayloadFile(file), file), file, { catalogue });
