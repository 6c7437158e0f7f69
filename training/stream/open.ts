import { openArtifacts, type Artifacts, type LoadedArtifact } from '../../src/artifact/index.js';
import { WatchnextError } from '../../src/errors.js';
import type { EventLog } from '../../src/events/index.js';
import { restoreFeatureState, type FeatureState } from '../../src/features/index.js';
import type { JoinedStreamOptions } from '../../src/join/index.js';
import { encodeTraining, resumeRanker, type EngineFactory, type ResumedRanker } from '../fit/index.js';
import type { StoredCheckpoint } from './checkpoint-file.js';
import { openJoinedElsewhere, openJoining, type LearningStream } from './joining.js';
import { createLearner, type Learner } from './learner.js';
import type { Known } from './place.js';
import { createAgreement } from './agreement.js';
import { decodeSealedPlace } from './sealed-place.js';
import { createWindows, type Windows } from './windows.js';

/** Everything that learns, together and at one place of the log. */
export interface OpenLearner {
  readonly base: LoadedArtifact;
  /** The version learned on from, then those sealed on the way. */
  readonly line: readonly string[];
  readonly ranker: ResumedRanker;
  readonly state: FeatureState;
  readonly windows: Windows;
  readonly learner: Learner;
  readonly stream: LearningStream;
  close(): Promise<void>;
}

export interface OpenLearnerOptions {
  /** The folder of the versions. */
  readonly models: string;
  readonly ranker: string;
  readonly log: EventLog;
  /** Joins here, or reads what was joined elsewhere. */
  readonly from: 'events' | 'examples';
  readonly engine: EngineFactory;
  /** To go on from; see {@link choose}. */
  readonly checkpoint: StoredCheckpoint | undefined;
  readonly onDeadLetter?: JoinedStreamOptions['onDeadLetter'];
  /** Told of lists of other rankers that cannot be learned from. */
  readonly onTrouble: (message: string) => void;
}

/**
 * The checkpoint to go on from: one that descends from the active version, or that the active version descends from.
 * Undefined where another version was activated since: then learning begins at that one.
 */
export async function choose(
  artifacts: Pick<Artifacts, 'list'>,
  { ranker, checkpoint }: { readonly ranker: string; readonly checkpoint: StoredCheckpoint | undefined },
): Promise<StoredCheckpoint | undefined> {
  if (checkpoint === undefined) return undefined;
  const active = (await artifacts.list()).find((known) => known.ranker === ranker)?.active;
  return active === undefined || checkpoint.facts.line.includes(active) ? checkpoint : undefined;
}

export async function openLearner(options: OpenLearnerOptions): Promise<OpenLearner> {
  const { models, ranker: name, checkpoint } = options;
  const version = checkpoint?.facts.line.at(-1);
  const base = await openArtifacts(models).load(name, version, { training: checkpoint === undefined });
  const { manifest, definition } = base;
  if (checkpoint !== undefined && manifest.fingerprint !== checkpoint.facts.fingerprint) {
    throw new WatchnextError(
      'checkpoint_damaged',
      `The checkpoint is of another definition than ${name}@${manifest.version}.`,
    );
  }
  const sealed = checkpoint === undefined ? await decodeSealedPlace(base) : undefined;
  const training = checkpoint === undefined ? base.training : encodeTraining(checkpoint.model);
  const stream = await openStream(options, base);
  let ranker: ResumedRanker | undefined;
  try {
    ranker = await resumeRanker({ artifact: { ...base, ...(training && { training }) }, engine: options.engine });
    const state = restoreFeatureState(definition, checkpoint?.state ?? base.state);
    const windows = createWindows({ definition });
    const snapshot = checkpoint?.windows ?? sealed?.windows;
    if (snapshot !== undefined) windows.restore(snapshot);
    const from = checkpoint === undefined ? sealed : { place: checkpoint.facts.place, waiting: checkpoint.waiting };
    const learner = createLearner({
      ranker,
      state,
      windows,
      like: base.golden.batch,
      agrees: createAgreement({ definition, artifacts: openArtifacts(models), onTrouble: options.onTrouble }),
      ...(from && { from }),
      ...(checkpoint === undefined && { known: knownOf(base) }),
    });
    const opened = ranker;
    return {
      base,
      line: checkpoint?.facts.line ?? [manifest.version],
      ranker,
      state,
      windows,
      learner,
      stream,
      close: async () => {
        await stream.close();
        await opened.close();
      },
    };
  } catch (error) {
    await stream.close();
    await ranker?.close();
    throw error;
  }
}

/** A version trained from files knows everything until its last request; one from the stream what was before its watermark. */
const knownOf = ({ manifest: { stream, data } }: LoadedArtifact): Known =>
  stream === undefined ? { until: Date.parse(data.until) } : { watermark: stream.watermark };

async function openStream(
  { log, from, checkpoint, onDeadLetter }: OpenLearnerOptions,
  { definition, manifest }: LoadedArtifact,
): Promise<LearningStream> {
  const options = {
    log,
    definition,
    ...(checkpoint && { snapshot: checkpoint.stream }),
    ...(onDeadLetter && { onDeadLetter }),
  };
  if (from === 'examples') return openElsewhere(options);
  const offsets = manifest.stream?.offsets;
  return openJoining({ ...options, ...(offsets && { from: offsets }) });
}

/** A checkpoint of who joined by itself holds a place of another kind. */
async function openElsewhere(options: Parameters<typeof openJoinedElsewhere>[0]): Promise<LearningStream> {
  try {
    return await openJoinedElsewhere(options);
  } catch (error) {
    if (options.snapshot === undefined || !(error instanceof WatchnextError) || error.code !== 'artifact_damaged')
      throw error;
    throw new WatchnextError('checkpoint_damaged', 'The last checkpoint holds no place of the topic examples.', {
      problems: [
        {
          path: '--from',
          message: 'the checkpoint is of a learner that joined by itself, from events',
          hint: 'go on without --from examples, or name another folder with --checkpoints: learning then begins at the active version',
        },
      ],
      cause: error,
    });
  }
}
