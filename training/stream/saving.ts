import { fingerprint } from '../../src/definition/index.js';
import { WatchnextError } from '../../src/errors.js';
import type { Checkpoints } from './checkpoint.js';
import { mixedExperiments, rowsText } from './contamination.js';
import type { TellNews } from './news.js';
import type { OpenLearner } from './open.js';
import type { Publisher } from './publish.js';

export interface SavingOptions {
  readonly open: OpenLearner;
  readonly publisher: Publisher;
  readonly checkpoints: Checkpoints;
  readonly tell: TellNews;
}

/** Checkpoints of one learner, one at a time. What cannot be written is kept as its failure until it is asked for. */
export interface Saving {
  readonly isWriting: boolean;
  readonly hasFailed: boolean;
  /**
   * Resolves when all is copied, after the checkpoint before is written; threads write, that of joining while it goes on. `line`
   * is of the versions learned.
   */
  save(line: readonly string[]): Promise<void>;
  /** Resolves when the one under way is written or has failed. */
  settled(): Promise<void>;
  /** Throws why one could not be written: learning that cannot be kept is not gone on with. */
  requireWritten(): void;
}

export const createSaving = ({ open, publisher, checkpoints, tell }: SavingOptions): Saving => {
  const { ranker, learner, stream, state, windows } = open;
  const tellMixed = createMixedTeller(open, tell);
  let writing: Promise<void> = Promise.resolve();
  let failure: Error | undefined;
  let isWriting = false;

  return {
    get isWriting() {
      return isWriting;
    },
    get hasFailed() {
      return failure !== undefined;
    },
    async save(line) {
      await writing;
      if (failure !== undefined) return;
      tellMixed();
      const started = performance.now();
      const dense = await ranker.denseState();
      requireFinite(dense);
      // Of what was joined until now, though it is there only later.
      const joined = stream.snapshot();
      joined.catch(() => undefined);
      const parts = {
        facts: {
          ranker: ranker.definition.name,
          fingerprint: fingerprint(ranker.definition),
          line,
          published: publisher.published,
          place: learner.place,
        },
        state: state.snapshot(),
        windows: windows.snapshot(),
        waiting: learner.waiting,
        dense,
        tables: copied(checkpoints.copy(ranker.learningTables())),
      };
      const pauseMs = performance.now() - started;
      isWriting = true;
      writing = joined
        .then((frames) => checkpoints.write({ ...parts, stream: frames }))
        .then(
          () => tell({ kind: 'checkpoint', pauseMs, seconds: (performance.now() - started) / 1000 }),
          (error: unknown) => void (failure = error instanceof Error ? error : new Error(String(error))),
        )
        .finally(() => (isWriting = false));
    },
    settled: () => writing,
    requireWritten: () => {
      if (failure !== undefined) throw failure;
    },
  };
};

/** What would make an experiment's arms alike is said once, when it shows. */
const createMixedTeller = ({ ranker, learner }: OpenLearner, tell: TellNews): (() => void) => {
  const told = new Set<string>();
  const { name } = ranker.definition;
  return () => {
    for (const { experiment, own, others } of mixedExperiments(name, learner.place.sources ?? {})) {
      if (told.has(experiment)) continue;
      told.add(experiment);
      const message =
        `${name} learns from arms of ${experiment} that other rankers serve (${rowsText(others)} rows; of its own arms ` +
        `${own}): the arms grow alike. stream.arms and stream.rankers say what is learned.`;
      tell({ kind: 'warning', message });
    }
  };
};

/** A checkpoint without its tables would look whole and be none. */
function copied<T>(tables: T | undefined): T {
  if (tables !== undefined) return tables;
  throw new Error('A checkpoint is to be written while the last one still is.');
}

/** A broken state is never kept: the checkpoint before it is the one to go back to. */
function requireFinite(dense: ReadonlyMap<string, Float32Array>): void {
  for (const [name, values] of dense) {
    if (values.every(Number.isFinite)) continue;
    throw new WatchnextError('training_diverged', `The weights ${name} hold values that are no numbers.`, {
      problems: [
        {
          path: name,
          message: 'not finite',
          hint: 'lower training.progressive_rate; learning goes on from the last checkpoint when it is started again',
        },
      ],
    });
  }
}
