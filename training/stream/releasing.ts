import type { Artifacts } from '../../src/artifact/index.js';
import type { TellNews } from './news.js';
import type { OpenLearner } from './open.js';
import type { Publisher } from './publish.js';
import type { Saving } from './saving.js';
import { encodeSealedPlace } from './sealed-place.js';
import type { Watch } from './watch.js';

export interface ReleasingOptions {
  readonly open: OpenLearner;
  readonly publisher: Publisher;
  readonly watch: Watch;
  readonly saving: Saving;
  /** Whether what is sealed is activated. */
  readonly activates: boolean;
  readonly tell: TellNews;
}

/** Updates and versions of one learner, which is settled meanwhile. What fails is told and tried again by the next one: learning does not depend on it. */
export interface Releasing {
  /** What was published last, or learned on from. */
  readonly version: string;
  /** The version learned on from, then those sealed on the way: the last fifty. */
  readonly line: readonly string[];
  readonly published: number;
  readonly sealed: readonly string[];
  /** Publishes what was learned since the last one; every few updates what serves is watched. */
  update(): Promise<void>;
  /** Seals a version with a checkpoint of the same moment, or saves at least that. */
  seal(): Promise<void>;
}

/** Of what was learned last, so many rows say what is usual. */
const profiledRows = 4096;
/** How often what serves is watched, in updates. */
const watchEvery = 6;

export const createReleasing = (options: ReleasingOptions): Releasing => {
  const { open, publisher, watch, saving, activates, tell } = options;
  const { learner, windows, state, stream, base } = open;
  const sealed: string[] = [];
  let { line } = open;
  let version = publisher.base;
  let published = 0;
  let updates = 0;

  const warn = (message: string): void => tell({ kind: 'warning', message });

  /** Sealed first, then remembered, then activated: killed in between, the next learner goes on with the same version. */
  const sealNow = async (): Promise<boolean> => {
    const { place } = learner;
    const position = stream.position();
    const until = place.learned.until ?? Date.parse(base.manifest.data.until);
    const publication = await publisher.seal({
      state: state.snapshot(),
      data: { from: Date.parse(base.manifest.data.from), until, rows: base.manifest.data.rows + place.counts.rows },
      trainer: { learnedFrom: line[0], steps: place.steps, counts: place.counts, sources: place.sources },
      metrics: windows.measures({ by: 'learner' }),
      ...(windows.rows > 0 && { recent: windows.newest(profiledRows).batch }),
      ...(Number.isFinite(position.watermark) && { stream: position }),
      training: encodeSealedPlace(learner, windows),
    });
    tell({ what: 'version', ...publication });
    if (publication.kind !== 'published') return false;
    learner.takeLearned();
    line = [...line.slice(-49), publication.version];
    ({ version } = publication);
    sealed.push(version);
    await saving.settled();
    await saving.save(line);
    await saving.settled();
    if (!saving.hasFailed && activates) await publisher.activate();
    return true;
  };

  return {
    get version() {
      return version;
    },
    get line() {
      return line;
    },
    get published() {
      return published;
    },
    sealed,
    async update() {
      updates++;
      const { rows, until, feedbackTimes } = learner.place.learned;
      if (rows === 0 || until === null) return;
      try {
        const publication = await publisher.update({ rows, until, feedbackTimes: Float64Array.from(feedbackTimes) });
        if (publication.kind === 'published') {
          learner.takeLearned();
          ({ version } = publication);
          published++;
        }
        tell({ what: 'update', ...publication });
        if (updates % watchEvery !== 0) return;
        const retreat = await watch.check(windows);
        if (retreat !== undefined) tell({ kind: 'retreat', ...retreat });
      } catch (error) {
        // What was not published is part of the next update.
        warn(`An update could not be published: ${messageOf(error)}`);
      }
    },
    async seal() {
      try {
        if (await sealNow()) return;
      } catch (error) {
        warn(`A version could not be sealed: ${messageOf(error)}`);
      }
      await saving.settled();
      await saving.save(line);
    },
  };
};

/** A version was sealed and the learner killed before it was activated: it had passed the gate. */
export const finishActivation = async (publisher: Publisher, artifacts: Artifacts, ranker: string): Promise<void> => {
  const known = (await artifacts.list()).find((each) => each.ranker === ranker);
  if (known?.active !== publisher.base && known?.previous.includes(publisher.base) !== true) await publisher.activate();
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
