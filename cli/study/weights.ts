import type { RankerDefinition } from '../../src/definition/index.js';
import type { Feedback, Impression } from '../../src/events/index.js';
import type { ArmSettings } from '../../src/experiments/index.js';
import { createWorld } from '../../training/dataset/index.js';
import { searchBounds, supportLimits, tune } from '../../training/policy/index.js';
import { effectsOf, levelsOf, loggedLists, platformLists } from '../../training/studies/index.js';
import { openArm, type Arm } from './arm.js';
import { worldSeed } from './contest.js';
import {
  after,
  before,
  coverageOf,
  coverageTable,
  findingsOf,
  tasksTuned,
  weightTable,
  type Tuned,
} from './coverage.js';
import { studyDefinition } from './definition.js';
import { liveSideBySide } from './live.js';
import { studyEngine, trainOnLists } from './trained.js';
import { settingOf, worldOf, type Study, type StudySize } from './types.js';

/** Days of exploring log that weights are tuned on. */
const logDays = 2;
/** Every list is drawn: one of noise alone lets the log say as much as it can of other weights. */
const exploration = { share: 1, temperature: 0.5 };
/** Where an owner may begin: at what is clicked. */
const startOf = (definition: RankerDefinition): RankerDefinition => ({
  ...definition,
  score: {
    form: 'product',
    weights: { click: 1, watch: 0.1, like: 0 },
    bounds: Object.fromEntries(
      Object.keys(definition.tasks).map((task) => [task, tasksTuned.includes(task) ? [0, 2] : [0, 0]]),
    ),
  },
});

export const weights: Study = {
  name: 'weights',
  title: 'Weights tuned on a log, then tried live',
  about: 'weights chosen from an exploring log; its estimate against the live result',
  full: { worlds: 6, users: 400, requestsPerDay: 1500, historyDays: 5, days: 2 },
  short: { worlds: 2, users: 40, requestsPerDay: 120, historyDays: 2, days: 1 },
  async run({ seed, short, size, onProgress }) {
    const definition = startOf(await studyDefinition());
    // So few lists support no choice: the short form makes one all the same, so that it is tried live.
    const effectiveLists = short ? 10 : supportLimits.effectiveLists;
    const tuned: Tuned[] = [];
    for (let replicate = 0; replicate < size.worlds; replicate++) {
      tuned.push(await tuneWorld(definition, { size, seed: worldSeed(seed, replicate), effectiveLists }));
      onProgress?.(replicate + 1, size.worlds);
    }
    const live = tuned.flatMap((each) => each.live ?? []);
    const contrast = { arm: after, control: before };
    const compared = live.length > 0;
    const rows = tuned.flatMap((each) => coverageOf(each));
    return {
      found: {
        question: `A ranker serves for ${logDays} days with a score that an owner may begin with, and with noise on every order whose chances are logged. From that log alone weights are searched on half of the people and judged on the other half. Then the chosen weights serve the same people, with the same noise: on the days of the log once more, which is what the log’s estimate is of, and on the days after. Does the log’s 95 % interval hold what then happens? Engagement is the time watched per list, satisfaction the likes per list: ratings are too few for a log of this length.`,
        setting: { ...settingOf(size, definition), 'days of exploring log': logDays, ...exploration },
        arms: compared
          ? [
              { name: before, what: 'the weights of the log', levels: levelsOf(live, before) },
              { name: after, what: 'the weights that were chosen, by world', levels: levelsOf(live, after) },
            ]
          : [],
        effects: compared ? effectsOf(live, contrast) : [],
        claims: [],
        findings: findingsOf(tuned, rows),
        tables: [
          { title: 'What the log said, and what was so', markdown: coverageTable(rows) },
          { title: 'The weights', markdown: weightTable(definition, tuned) },
        ],
        numbers: { covered: rows, chosen: tuned.map(({ seed: world, tuning: { choice } }) => ({ world, ...choice })) },
      },
    };
  },
};

const tuneWorld = async (
  definition: RankerDefinition,
  { size, seed, effectiveLists }: { readonly size: StudySize; readonly seed: number; readonly effectiveLists: number },
): Promise<Tuned> => {
  // What gets lost gets lost under any weights; without loss the log and the truth are of the same thing.
  const world = createWorld(seed, { ...worldOf(size), feedbackLoss: 0 });
  const lists = platformLists(world, size.historyDays);
  const [artifact] = await trainOnLists({ world, lists, definitions: [definition], seed });
  if (artifact === undefined) throw new Error('nothing was trained');
  const impressions: Impression[] = [];
  const feedback: Feedback[] = [];
  const log = {
    onImpression: (each: Impression) => void impressions.push(each),
    onFeedback: (all: readonly Feedback[]) => void feedback.push(...all),
  };
  const days = { from: size.historyDays, until: size.historyDays + logDays };
  const arms = new Map<string, Arm>();
  const open = async (
    name: string,
    settings: ArmSettings,
    listeners: Partial<typeof log> = {},
  ): Promise<ReadonlyMap<string, Arm>> => {
    const arm = await openArm({ artifact, engine: studyEngine, settings, ...listeners });
    arms.set(name, arm);
    return new Map([[name, arm]]);
  };
  try {
    const logged = await liveSideBySide({ world, arms: await open(before, { exploration }, log), ...days });
    const tasks = Object.keys(definition.tasks);
    const current = tasks.map((task) => definition.score.weights[task] ?? 0);
    const tuning = tune({
      lists: loggedLists(tasks, impressions, feedback),
      space: { current, form: 'product', bounds: searchBounds(tasks, current, boundsOf(definition)) },
      metrics: [0, 1],
      waits: tasks.map((task) => waitOf(definition, tasks, task)),
      seed,
      limits: { effectiveLists },
    });
    const { choice } = tuning;
    if (choice === undefined) return { seed, tuning, again: undefined, live: undefined };
    const chosen = Object.fromEntries(tasks.map((task, at) => [task, choice.weights[at] ?? 0]));
    const repeated = await liveSideBySide({
      world,
      arms: await open(after, { weights: chosen, exploration }),
      ...days,
    });
    const live = await liveSideBySide({ world, arms, from: days.until, until: days.until + size.days });
    return { seed, tuning, again: { seed, arms: [...logged, ...repeated] }, live: { seed, arms: live } };
  } finally {
    for (const arm of arms.values()) await arm.close();
  }
};

const boundsOf = ({ score }: RankerDefinition): Record<string, readonly [number, number]> =>
  Object.fromEntries(Object.entries(score.bounds ?? {}).map(([task, [low, high]]) => [task, [low, high] as const]));

const waitOf = ({ tasks: all }: RankerDefinition, tasks: readonly string[], task: string): number | undefined => {
  const when = all[task]?.when;
  return when === undefined ? undefined : tasks.indexOf(when);
};
