import { watchLosses, startOfWatch } from './divergence.js';
import type { Examples } from './examples.js';
import { addLosses, meanLosses, noLosses, type TaskLosses } from './history.js';
import type { LabelScaling } from './labels.js';
import type { RankerModel } from './model.js';
import { learnPass } from './pass.js';
import { mixSeeds, SeededRandom } from './random.js';
import type { TrainingSettings } from './settings.js';
import type { ExampleSpool, RequestRange } from './spool.js';

export interface LessonOptions {
  readonly learner: Pick<RankerModel, 'learn'> & { admit(examples: Examples): void };
  readonly spool: ExampleSpool;
  readonly range: RequestRange;
  readonly settings: TrainingSettings;
  readonly labelScaling: LabelScaling;
  /** Its number, from 1: each lesson has its own order and noise. */
  readonly lesson: number;
  readonly rateFactor?: number;
}

/**
 * One pass over what came since the last lesson, in shuffled order, at the definition's learning rates times
 * `progressive_rate` times `rateFactor`. Fitted parameters stay. Answers the mean losses before each step.
 */
export async function learnLesson(options: LessonOptions): Promise<TaskLosses> {
  const { learner, spool, range, settings, labelScaling, lesson, rateFactor = 1 } = options;
  const tasks = labelScaling.map(({ name }) => name);
  let losses = noLosses;
  let watch = startOfWatch;
  let steps = 0;
  for await (const examples of spool.inOrder(range)) learner.admit(examples);
  await learnPass({
    model: learner,
    spool,
    batches: { range, rows: settings.batch, random: new SeededRandom(settings.seed, 1_000_000, lesson) },
    step: () => ({
      rateFactor: settings.progressiveRate * rateFactor,
      seed: mixSeeds(settings.seed, lesson, steps),
    }),
    learned: ({ batch, labels }, ofBatch) => {
      steps++;
      const byTask = new Map(tasks.map((task, index) => [task, ofBatch[index] as number]));
      watch = watchLosses(watch, { step: steps, losses: byTask, checkpoint: undefined });
      const weights = labelScaling.map(({ weight }) => weight / batch.rows);
      losses = addLosses(losses, { losses: ofBatch, labels, weights });
    },
  });
  return meanLosses(tasks, losses);
}
