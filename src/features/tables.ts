import { durationMs } from '../definition/index.js';
import { WatchnextError } from '../errors.js';
import type { TableUse } from './feature.js';

/** The embedding table of a feature, from the keys that every embedded kind shares. */
export function tableUse(
  name: string,
  definition: { dim?: number; min_count?: number; expire?: string; shares?: string },
): TableUse {
  if (definition.shares !== undefined) return { shares: definition.shares };
  if (definition.dim === undefined) {
    throw new WatchnextError('definition_invalid', `Feature ${name} is embedded, so it needs a dim.`, {
      problems: [
        { path: `/features/${name}/dim`, message: 'is missing', hint: 'give dim, or shares: another feature' },
      ],
    });
  }
  return {
    dim: definition.dim,
    minCount: definition.min_count ?? 1,
    ...(definition.expire === undefined ? {} : { expireMs: durationMs(definition.expire) }),
  };
}
