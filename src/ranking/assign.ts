import { weightProblems } from '../definition/index.js';
import type { ArmSettings, Assignment, Experiments } from '../experiments/index.js';
import type { Rankers } from '../inference/index.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import type { StoredUser } from './merge.js';
import type { RankRequest, Unassigned } from './types.js';

/** What applies to one request, and why nothing does where nothing can. */
export interface Assigned extends Assignment {
  readonly unassigned?: Unassigned;
}

export interface AssigningOptions {
  readonly experiments: Experiments;
  readonly rankers: Rankers;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly now: () => number;
}

const unassignedLogMs = 60_000;

export const nothing: Assigned = { arms: {}, settings: {}, exposed: [] };

/**
 * Arms apply all together or not at all. Not to a request that names no user; not to one that brings its own weights, which
 * is somebody trying them; not while what is stored of the user cannot be read, as conditions may be about it; and not where
 * a version that an arm names does not serve here, or has other bounds than the arm's weights: what is answered then is what
 * everybody gets, nobody was exposed to it, and the arm's missing users are seen by any report. A request that names a
 * ranker is assigned: an arm's ranker takes its place, and conditions may be about it as `ranker`.
 */
export const createAssigning = (
  options: AssigningOptions,
): ((request: RankRequest, stored: () => Promise<StoredUser>) => Promise<Assigned>) => {
  const { experiments, rankers, metrics, logger, now } = options;
  const loggedAt = new Map<string, number>();

  const unassigned = (reason: Unassigned): Assigned => {
    metrics.count('watchnext_experiments_unassigned_total', { reason });
    return { ...nothing, unassigned: reason };
  };

  const serves = ({ ranker, version, weights }: ArmSettings, request: RankRequest): boolean => {
    const definition = rankers.definitionOf(ranker ?? request.ranker, version);
    if (definition !== undefined) return weightProblems(definition, weights ?? {}, '').outside.length === 0;
    // Where the arm names neither, whoever ranks says what is missing.
    return ranker === undefined && version === undefined;
  };

  const tell = ({ arms, settings }: Assignment, { requestId, timeline }: RankRequest): void => {
    const { ranker, version } = settings;
    const key = JSON.stringify([ranker, version]);
    if (now() - (loggedAt.get(key) ?? -Infinity) < unassignedLogMs) return;
    if (loggedAt.size > 1000) loggedAt.clear();
    loggedAt.set(key, now());
    logger.error(
      { requestId, traceId: timeline?.traceId, arms, ranker, version },
      'what an arm names does not serve here: its users get what everybody gets',
    );
  };

  return async (request, stored) => {
    const { user, context, ranker, requestId } = request;
    if (request.weights !== undefined) return unassigned('weights');
    const known = await stored().catch(() => undefined);
    if (known?.known !== true) return unassigned('user_unreadable');
    const attributes = { ...known.fields, ...user?.fields, ...context, ...(ranker !== undefined && { ranker }) };
    const assignment = experiments.assign({ userId: user?.id, attributes, requestId });
    if (!serves(assignment.settings, request)) {
      tell(assignment, request);
      return unassigned('arm_unavailable');
    }
    for (const [experiment, arm] of Object.entries(assignment.arms))
      metrics.count('watchnext_arm_rankings_total', { experiment, arm });
    // Who assigns counts those that name nobody: they get the defaults.
    return user?.id === undefined || user.id === '' ? { ...assignment, unassigned: 'no_user' } : assignment;
  };
};
