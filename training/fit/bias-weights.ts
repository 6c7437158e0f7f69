import type { LoadedArtifact } from '../../src/artifact/index.js';
import { biasParameter } from '../network/index.js';
import type { LabelScaling } from './labels.js';
import { decodeTraining, scalingOf } from './resumed.js';

/**
 * [cells, tasks] the weights of a version's bias tower as it was sealed, averages where there are any, with the scaling of the
 * tasks that they are added to; undefined for a version without a tower. The version must be loaded for training: throws
 * artifact_missing where it was sealed without what that needs.
 */
export async function biasWeights(
  artifact: LoadedArtifact,
): Promise<{ readonly weights: Float32Array; readonly scaling: LabelScaling } | undefined> {
  const { bias } = artifact.definition;
  if (bias === undefined || (bias.kind ?? 'tower') !== 'tower') return undefined;
  const { dense } = await decodeTraining(artifact);
  const weights = dense.get(`average/${biasParameter}`) ?? dense.get(`parameters/${biasParameter}`);
  return weights === undefined ? undefined : { weights, scaling: scalingOf(artifact.manifest) };
}
