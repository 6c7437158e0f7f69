import type { RankerDefinition } from '../../src/definition/index.js';
import { createWorld, type World, type WorldOptions } from '../../training/dataset/index.js';
import { collectExamples } from '../../training/fit/index.js';
import { historyOf, type Replicate } from '../../training/studies/index.js';
import { openArm, type Arm, type ArmOptions } from './arm.js';
import { liveSideBySide } from './live.js';
import { studyEngine, trainSealed } from './trained.js';

/** One ranker to be trained, and the arms that it serves. */
export interface Contender {
  readonly definition: RankerDefinition;
  readonly arms: readonly (Pick<ArmOptions, 'learnEveryMs' | 'followState'> & { readonly name: string })[];
}

export interface ContestOptions {
  /** They may differ in network, bias and training, not in features, tasks or labels: they learn from one log. */
  readonly contenders: readonly Contender[];
  readonly seed: number;
  /** How often all of it is repeated, each time in another world. */
  readonly worlds: number;
  readonly world: WorldOptions;
  /** Days of log to train on, and days live after them. */
  readonly historyDays: number;
  readonly liveDays: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** A world of its own for every repetition: seeds that share nothing. */
export const worldSeed = (seed: number, replicate: number): number => seed * 1000 + replicate;

/** Trains every contender on the same log, then lets their arms live side by side; again in every world. */
export const runContest = async (options: ContestOptions): Promise<readonly Replicate[]> => {
  const { seed, worlds, contenders, liveDays, onProgress } = options;
  const steps = contenders.length + liveDays;
  const replicates: Replicate[] = [];
  for (let replicate = 0; replicate < worlds; replicate++) {
    const own = worldSeed(seed, replicate);
    const world = createWorld(own, options.world);
    let done = replicate * steps;
    const step = (): void => onProgress?.(++done, worlds * steps);
    replicates.push({ seed: own, arms: await runWorld(options, { world, seed: own, step }) });
  }
  return replicates;
};

const runWorld = async (
  { contenders, historyDays, liveDays }: ContestOptions,
  { world, seed, step }: { readonly world: World; readonly seed: number; readonly step: () => void },
): Promise<Replicate['arms']> => {
  const arms = new Map<string, Arm>();
  try {
    await openArms(contenders, { world, seed, historyDays, arms, step });
    return await liveSideBySide({ world, arms, from: historyDays, until: historyDays + liveDays, onDay: step });
  } finally {
    for (const arm of arms.values()) await arm.close();
  }
};

interface OpenArmsOptions {
  readonly world: World;
  readonly seed: number;
  readonly historyDays: number;
  /** Filled as they open. */
  readonly arms: Map<string, Arm>;
  readonly step: () => void;
}

const openArms = async (
  contenders: readonly Contender[],
  { world, seed, historyDays, arms, step }: OpenArmsOptions,
): Promise<void> => {
  const [first] = contenders;
  if (first === undefined) return;
  const dataset = historyOf(world, { definition: first.definition, days: historyDays });
  const examples = await collectExamples({ definition: first.definition, dataset });
  try {
    for (const { definition, arms: served } of contenders) {
      const artifact = await trainSealed({ definition, dataset, examples, seed });
      for (const { name, ...arm } of served) arms.set(name, await openArm({ ...arm, artifact, engine: studyEngine }));
      step();
    }
  } finally {
    await examples.close();
  }
};
