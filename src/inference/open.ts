import { parseVersionReference, sourcesOf, verifyGolden } from '../artifact/index.js';
import { WatchnextError } from '../errors.js';
import {
  createFeatureCounters,
  createFeatureReader,
  restoreFeatureState,
  type FeatureState,
} from '../features/index.js';
import type { Live } from '../live/index.js';
import type { Update } from './chains.js';
import type { ServedModel } from './models.js';
import { warmUp } from './warm-up.js';
import type { ScorerPool } from './pool.js';
import type { LoadableModel } from './session.js';
import type { Scorer } from './types.js';
import type { Versions } from './versions.js';

export interface OpenOptions {
  readonly versions: Versions;
  readonly pool: ScorerPool;
  /** Where the feature state that a version reads from is held while it serves; as it was sealed if left out. */
  readonly states?: Pick<Live, 'stateOf' | 'hold' | 'release'>;
}

/**
 * Loads a version and lets every thread score its golden rows: it serves only if each agrees with the trainer (1e-5). A thread
 * that never held one of this ranker then scores lists as large as requests are, so that the first request finds it warm. Rejects with the reason, and then nothing of it stays loaded. What `next` answers is
 * verified the same way, and reads the same feature state.
 */
export const openModel = async (options: OpenOptions, ranker: string, version: string): Promise<ServedModel> => {
  const { states = sealedStates } = options;
  const { manifest, state: snapshot, opened, ...content } = await options.versions.read(ranker, version);
  const { definition } = content;
  const { created, fingerprint, data, metrics, gitCommit, stream, profile } = manifest;
  const scorer = await load(options, opened, content);
  let state: FeatureState | undefined;
  try {
    const counters = createFeatureCounters(definition);
    const position = stream === undefined ? {} : { position: stream };
    state = states.stateOf({ ranker, definition, snapshot, ...position, until: Date.parse(data.until) });
    const reader = createFeatureReader({ definition, state, counters });
    const sources = sourcesOf(manifest);
    const commit = gitCommit === undefined ? {} : { gitCommit };
    const about = { created, fingerprint, data, metrics, ...(sources && { sources }), ...commit };
    const fixed = {
      ranker,
      definition,
      about,
      reader,
      counters,
      ...(sources && { sources }),
      ...(profile && { profile }),
    };
    return serve(options, { fixed, content, current: opened, scorer, state });
  } catch (error) {
    if (state !== undefined) states.release(state);
    await scorer.close();
    await options.versions.release(opened.place);
    throw error;
  }
};

const sealedStates: NonNullable<OpenOptions['states']> = {
  stateOf: ({ definition, snapshot }) => restoreFeatureState(definition, snapshot),
  hold: () => undefined,
  release: () => undefined,
};

/** A model and what the next one is made from. */
interface Serving {
  readonly fixed: Pick<ServedModel, 'ranker' | 'definition' | 'about' | 'sources' | 'profile' | 'reader' | 'counters'>;
  readonly content: LoadableModel;
  readonly current: Update;
  readonly scorer: Scorer;
  /** Held until the model is closed. */
  readonly state: FeatureState;
}

const serve = (options: OpenOptions, { fixed, content, current, scorer, state }: Serving): ServedModel => {
  const { versions, states = sealedStates } = options;
  const { version, place, facts } = current;
  const { version: base } = parseVersionReference(version);
  return {
    ...fixed,
    version,
    ...(facts.sequence > 0 && { delta: { base, ...facts } }),
    scorer,
    next: async (through) => {
      const update = await versions.advance({ ranker: fixed.ranker, base, place, through });
      if (update === undefined) return undefined;
      const next = { ...content, tables: update.tables, graph: update.graph ?? content.graph };
      const nextScorer = await load(options, update, next);
      states.hold(state);
      return serve(options, { fixed, content: next, current: update, scorer: nextScorer, state });
    },
    close: async () => {
      states.release(state);
      await scorer.close();
      await versions.release(place);
    },
  };
};

/** A scorer whose threads all agree with the trainer; on failure its tables are released. */
const load = async (
  { versions, pool }: OpenOptions,
  { version, place, golden, facts }: Update,
  content: LoadableModel,
): Promise<Scorer> => {
  const isDelta = facts.sequence > 0;
  const tasks = Object.keys(content.definition.tasks);
  try {
    return await pool.load(version, content, async (score, isCold) => {
      await verifyGolden({ golden, tasks, score });
      // What comes after is scored by code that is warm, and a session has its memory after one run.
      if (isCold) await warmUp(golden.batch, score);
    });
  } catch (error) {
    await versions.release(place);
    throw isDelta ? refusedDelta(version, error) : error;
  }
};

const refusedDelta = (version: string, error: unknown): unknown =>
  error instanceof WatchnextError && error.code === 'artifact_damaged'
    ? new WatchnextError('delta_refused', `${version} was refused: ${error.message}`, {
        problems: error.problems,
        cause: error,
      })
    : error;
