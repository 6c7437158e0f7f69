import { referenceName } from '../artifact/index.js';
import type { ErrorCode } from '../errors.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import type { ServedModel } from './models.js';
import { refusalOf, sealedName, type Place } from './place.js';

export interface FollowOptions {
  /** Loads and verifies a version. */
  readonly open: (ranker: string, version: string) => Promise<ServedModel>;
  /** Puts a model into service. */
  readonly replace: (place: Place, next: ServedModel) => void;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly now: () => number;
}

/** What a delta is refused for; anything else may pass, and is tried again. */
const final: readonly ErrorCode[] = ['delta_refused', 'artifact_damaged', 'artifact_missing'];

/**
 * Brings what serves at a place up to date with its deltas, of which `through` may serve (all if undefined): those that wait
 * are put into service in one step, those that may not serve any more are taken out. If one must not serve, what was sealed
 * does, and the deltas of this version are passed over from then on.
 */
export const createFollow = (
  options: FollowOptions,
): ((place: Place, through: number | undefined) => Promise<void>) => {
  const { open, replace, logger, metrics, now } = options;

  const change = async (place: Place, model: ServedModel, through: number | undefined): Promise<void> => {
    const { ranker, version: before } = model;
    const started = performance.now();
    const withdrawn = through !== undefined && (model.delta?.sequence ?? 0) > through;
    const next = withdrawn
      ? await open(ranker, referenceName({ version: sealedName(model), sequence: through }))
      : await model.next?.(through);
    if (next === undefined) return;
    replace(place, next);
    metrics.count('watchnext_deltas_total', { ranker, outcome: withdrawn ? 'withdrawn' : 'applied' });
    const fields = { ranker, version: next.version, before, milliseconds: performance.now() - started };
    if (withdrawn) logger.warn(fields, 'deltas were withdrawn, what was before them serves');
    else logger.debug(fields, 'deltas serve');
  };

  const returnToSealed = async (place: Place, ranker: string, version: string): Promise<void> => {
    try {
      replace(place, await open(ranker, version));
      logger.error({ ranker, version }, 'the version as it was sealed serves, its deltas are passed over');
    } catch (error) {
      logger.error({ ranker, version, err: error }, 'the version as it was sealed cannot serve either');
    }
  };

  return async (place, through) => {
    const model = place.lease?.resource;
    if (model === undefined || place.stopped === sealedName(model)) return;
    const { ranker } = model;
    const base = sealedName(model);
    try {
      await change(place, model, through);
    } catch (error) {
      const applied = model.delta?.sequence ?? 0;
      const refusal = refusalOf(referenceName({ version: base, sequence: applied + 1 }), error, now());
      logger.error({ ranker, serving: model.version, err: error }, 'a delta does not serve');
      if (!final.some((code) => code === refusal.code)) return;
      metrics.count('watchnext_deltas_total', { ranker, outcome: 'refused' });
      place.stopped = base;
      if (applied > 0) await returnToSealed(place, ranker, base);
      place.refused = refusal;
    }
  };
};
