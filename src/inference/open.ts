import { verifyGolden } from '../artifact/index.js';
import { createFeatureCounters, createFeatureReader, restoreFeatureState } from '../features/index.js';
import type { ServedModel } from './models.js';
import type { ScorerPool } from './pool.js';
import type { Versions } from './versions.js';

/**
 * Loads a sealed version and lets every thread score its golden rows: it serves only if each agrees with the trainer
 * (1e-5), and its first request finds it warm. Rejects with the reason, and then nothing of it stays loaded.
 */
export const openModel = async (
  { versions, pool }: { readonly versions: Versions; readonly pool: ScorerPool },
  ranker: string,
  version: string,
): Promise<ServedModel> => {
  const { manifest, definition, state, golden, ...content } = await versions.read(ranker, version);
  const scorer = await pool.load(version, { definition, ...content });
  try {
    const score: typeof scorer.score = (batch) => scorer.score(batch);
    const verify = (): Promise<void> => verifyGolden({ golden, tasks: scorer.tasks, score });
    await Promise.all(Array.from({ length: pool.workers }, verify));
    const counters = createFeatureCounters(definition);
    const reader = createFeatureReader({ definition, state: restoreFeatureState(definition, state), counters });
    const { created, fingerprint, data, metrics, gitCommit } = manifest;
    const about = { created, fingerprint, data, metrics, ...(gitCommit !== undefined && { gitCommit }) };
    return { ranker, version, definition, about, reader, counters, scorer, close: () => scorer.close() };
  } catch (error) {
    await scorer.close();
    throw error;
  }
};
