import { labelRules, loadRanker, type RankerDefinition } from '../../src/definition/index.js';
import { durationText } from './duration.js';

/** When rows are learned, for whoever wonders why nothing is yet; undefined where a task learns its rows at once. */
export const waitText = (definition: RankerDefinition): string | undefined => {
  const rules = labelRules(definition);
  if (rules.some(({ late }) => late === 'fake-negative-weighted')) return undefined;
  const longestMs = Math.max(...rules.map(({ waitMs }) => waitMs));
  return `what is shown is learned ${durationText(longestMs)} later, when its feedback is in (labels, wait)`;
};

/** Parts of a definition that the learner goes by: by these it cannot differ from what was sealed without being noticed. */
const parts = ['features', 'tasks', 'labels', 'network', 'bias', 'training', 'stream'] as const;

/**
 * The learner goes by the definition that was sealed with its version, not by the file. Answers which parts the file has
 * otherwise by now; none if there is no file, or none that can be read.
 */
export const changedParts = async (file: string, sealed: RankerDefinition): Promise<readonly string[]> => {
  try {
    const { definition } = await loadRanker(file);
    return parts.filter((part) => JSON.stringify(definition[part] ?? null) !== JSON.stringify(sealed[part] ?? null));
  } catch {
    return [];
  }
};
