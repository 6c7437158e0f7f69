import { WatchnextError, type Problem } from '../errors.js';
import { pollEvery } from '../polling.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import { nothingAssigned } from './assignment.js';
import { parsePayload, readConfiguration, type ReadConfiguration } from './configuration.js';
import { readLastGood, writeLastGood, type LastGood, type PayloadText } from './last-good.js';
import { readTesters, type Findings, type Testers } from './payload.js';
import { payloadReader, type ExperimentSource } from './source.js';
import type { ArmCatalogue, Experiments, ExperimentStatus } from './types.js';

export interface OpenOptions {
  readonly source: ExperimentSource;
  /** Asked whenever a configuration is read. */
  readonly catalogue: ArmCatalogue;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Between looks at the source. */
  readonly pollMs?: number;
  /** How long the host may take to answer. */
  readonly timeoutMs?: number;
}

interface Applied extends PayloadText {
  readonly configuration: ReadConfiguration;
  readonly at: string;
}

/** Nobody is in any experiment. */
export const noExperiments: Experiments = {
  assign: () => nothingAssigned,
  status: () => ({ source: 'none', loadedAt: undefined, experiments: [], refused: undefined }),
  armSettings: () => [],
  close: () => Promise.resolve(),
};

/**
 * Experiments that follow their source: each configuration is checked as a whole and takes effect at once or not at all. What
 * cannot be read or is refused changes nothing: it raises `watchnext_experiments_stale`, is logged once, and stands in
 * `status`. At the start a file must be right, else this throws `experiments_invalid` with all problems; a host that cannot
 * be reached or sends what is refused leaves the last good copy in force, or nothing if there is none.
 */
export const openExperiments = async (options: OpenOptions): Promise<Experiments> => {
  const { source, catalogue, logger, metrics, now, pollMs = 1000, timeoutMs = 5000 } = options;
  const reader = payloadReader(source, timeoutMs);
  const stop = new AbortController();
  let applied: Applied | undefined;
  let refused: ExperimentStatus['refused'];

  /** Those of a file that is wrong are nobody: what else is configured applies nevertheless. */
  const testersOf = (text: string): Testers => {
    const findings: Findings = { problems: [], notes: [] };
    try {
      const testers = readTesters(parsePayload(text, 'testers'), findings, 'testers');
      if (findings.problems.length === 0) return testers;
    } catch (error) {
      findings.problems.push(...problemsOf(error));
    }
    logger.warn({ problems: findings.problems }, 'nobody is a tester: the file of testers cannot be used');
    return {};
  };

  const check = ({ payload, testers }: PayloadText, begun: LastGood['begun']): ReadConfiguration =>
    readConfiguration(parsePayload(payload, reader.called), reader.called, {
      catalogue,
      begun,
      ...(testers !== undefined && { testers: testersOf(testers) }),
    });

  const apply = (text: PayloadText, configuration: ReadConfiguration, at: string): void => {
    applied = { ...text, configuration, at };
    const running = configuration.experiments.filter(({ active }) => active);
    metrics.set('watchnext_experiments_running', {}, running.length);
    for (const { path, message } of configuration.notes) logger.info({ path }, `experiments: ${message}`);
  };

  const keep = async ({ payload, testers, configuration, at }: Applied): Promise<void> => {
    if (source.lastGood === undefined) return;
    const { begun } = configuration;
    await writeLastGood(source.lastGood, {
      savedAt: at,
      payload,
      ...(testers !== undefined && { testers }),
      begun,
    }).catch((error: unknown) => logger.warn({ err: error }, 'the last good experiments could not be kept on disk'));
  };

  const refuse = (error: unknown): void => {
    metrics.set('watchnext_experiments_stale', {}, 1);
    const problems = problemsOf(error).map(({ path, message }) => `${path}: ${message}`);
    if (refused?.problems.join('\n') === problems.join('\n')) return;
    refused = { at: new Date(now()).toISOString(), problems };
    const outcome = isUnavailable(error) ? 'unavailable' : 'refused';
    metrics.count('watchnext_experiments_loads_total', { outcome });
    logger.error({ source: reader.called, problems }, `experiments ${outcome}: what applied before goes on`);
  };

  const refresh = async (begun: LastGood['begun']): Promise<void> => {
    const text = await reader.read(stop.signal);
    const isSame = text.payload === applied?.payload && text.testers === applied.testers;
    if (!isSame) {
      apply(text, check(text, begun), new Date(now()).toISOString());
      metrics.count('watchnext_experiments_loads_total', { outcome: 'applied' });
      const running = applied?.configuration.experiments.map(({ key, phase }) => `${key} (phase ${phase})`);
      logger.info({ source: reader.called, running }, 'experiments applied');
      if (applied !== undefined) await keep(applied);
    }
    refused = undefined;
    metrics.set('watchnext_experiments_stale', {}, 0);
  };

  const saved = source.lastGood === undefined ? undefined : await readLastGood(source.lastGood);
  try {
    await refresh(saved?.begun ?? {});
  } catch (error) {
    if ('file' in source) throw error;
    refuse(error);
    if (saved === undefined)
      logger.warn({ source: reader.called }, 'no experiments: there is no last good copy either');
    else
      try {
        apply(saved, check(saved, {}), saved.savedAt);
        logger.warn({ source: reader.called, savedAt: saved.savedAt }, 'the last good experiments apply');
      } catch (stale) {
        logger.warn(
          { source: reader.called, problems: problemsOf(stale) },
          'no experiments: the last good copy is refused',
        );
      }
  }

  const again = (): Promise<void> => refresh(applied?.configuration.begun ?? saved?.begun ?? {});
  const polling = pollEvery(pollMs, again, refuse);

  return {
    assign: (subject) => {
      if (applied === undefined) return nothingAssigned;
      if (subject.userId === undefined || subject.userId === '')
        metrics.count('watchnext_experiments_unassigned_total', { reason: 'no_user' });
      try {
        return applied.configuration.assign(subject);
      } catch (error) {
        metrics.count('watchnext_experiments_unassigned_total', { reason: 'failed' });
        logger.error({ requestId: subject.requestId, err: error }, 'a request could not be assigned to experiments');
        return nothingAssigned;
      }
    },
    status: () => ({
      source: reader.called,
      loadedAt: applied?.at,
      experiments: (applied?.configuration.experiments ?? [])
        .filter(({ active }) => active)
        .map(({ key, phase, arms }) => ({ key, phase, arms: arms.map((arm) => arm.key) })),
      refused,
    }),
    armSettings: () => applied?.configuration.settings ?? [],
    close: async () => {
      stop.abort();
      await polling.close();
    },
  };
};

const problemsOf = (error: unknown): readonly Problem[] => {
  if (error instanceof WatchnextError && error.problems.length > 0) return error.problems;
  return [{ path: 'experiments', message: error instanceof Error ? error.message : String(error) }];
};

/** Nothing came, against: something came that must not apply. */
const isUnavailable = (error: unknown): boolean => error instanceof WatchnextError && error.cause !== undefined;
