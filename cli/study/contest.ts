import type { RankerDefinition } from '../../src/definition/index.js';
import { createWorld, type World, type WorldOptions } from '../../training/dataset/index.js';
import { platformLists, type Replicate, type ShownList } from '../../training/studies/index.js';
import { openArm, type Arm, type ArmOptions } from './arm.js';
import { liveSideBySide } from './live.js';
import { studyEngine, trainOnLists } from './trained.js';
import { worldOf, type StudyOptions } from './types.js';

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
  /** Days of log to train on, by what the platform shows. */
  readonly historyDays: number;
  /** Then a ranker of this definition, trained on that log, serves for so long, and contenders learn from its log alone. */
  readonly servedBy?: { readonly definition: RankerDefinition; readonly days: number };
  /** Days live after all that. */
  readonly liveDays: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** What a study of this size asks of a contest, whoever contends. */
export const contestOf = ({ seed, size, onProgress }: StudyOptions): Omit<ContestOptions, 'contenders'> => ({
  seed,
  worlds: size.worlds,
  world: worldOf(size),
  historyDays: size.historyDays,
  liveDays: size.days,
  ...(onProgress && { onProgress }),
});

/** A world of its own for every repetition: seeds that share nothing. */
export const worldSeed = (seed: number, replicate: number): number => seed * 1000 + replicate;

/** Trains every contender on the same log, then lets their arms live side by side; again in every world. */
export const runContest = async (options: ContestOptions): Promise<readonly Replicate[]> => {
  const { worlds, contenders, liveDays, servedBy, onProgress } = options;
  const steps = contenders.length + liveDays + (servedBy === undefined ? 0 : servedBy.days);
  const replicates: Replicate[] = [];
  for (let replicate = 0; replicate < worlds; replicate++) {
    const seed = worldSeed(options.seed, replicate);
    let done = replicate * steps;
    const step = (): void => onProgress?.(++done, worlds * steps);
    const world = createWorld(seed, options.world);
    replicates.push({ seed, arms: await contestIn({ ...options, seed, inWorld: world, step }) });
  }
  return replicates;
};

interface InWorld extends ContestOptions {
  readonly inWorld: World;
  readonly step: () => void;
}

const contestIn = async (options: InWorld): Promise<Replicate['arms']> => {
  const { contenders, inWorld: world, seed, historyDays, servedBy, liveDays, step } = options;
  const platform = platformLists(world, historyDays);
  const lists = servedBy === undefined ? platform : await servedLists(options, { ...servedBy, platform });
  const definitions = contenders.map(({ definition }) => definition);
  const artifacts = await trainOnLists({ world, lists, definitions, seed, onTrained: step });
  const arms = new Map<string, Arm>();
  try {
    for (const [at, artifact] of artifacts.entries())
      for (const { name, ...arm } of contenders[at]?.arms ?? [])
        arms.set(name, await openArm({ ...arm, artifact, engine: studyEngine }));
    const from = historyDays + (servedBy?.days ?? 0);
    return await liveSideBySide({ world, arms, from, until: from + liveDays, onDay: step });
  } finally {
    for (const arm of arms.values()) await arm.close();
  }
};

interface Serving {
  readonly definition: RankerDefinition;
  readonly days: number;
  readonly platform: readonly ShownList[];
}

/** What a ranker shows that learned from what the platform showed. */
const servedLists = async (
  { inWorld: world, seed, historyDays, step }: InWorld,
  { definition, days, platform }: Serving,
): Promise<readonly ShownList[]> => {
  const lists: ShownList[] = [];
  // Another seed than the contenders have: none of them begins as the ranker whose log it learns from.
  const definitions = [definition];
  const [artifact] = await trainOnLists({ world, lists: platform, definitions, seed: seed + 500 });
  if (artifact === undefined) return lists;
  const arm = await openArm({ artifact, engine: studyEngine });
  try {
    await liveSideBySide({
      world,
      arms: new Map([['served', arm]]),
      from: historyDays,
      until: historyDays + days,
      onShown: (_, list) => void lists.push(list),
      onDay: step,
    });
  } finally {
    await arm.close();
  }
  return lists;
};
