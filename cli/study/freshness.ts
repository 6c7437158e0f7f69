import {
  dayLines,
  effectByDay,
  effectsOf,
  intervalText,
  levelsOf,
  signOf,
  type Contrast,
  type Effect,
} from '../../training/studies/index.js';
import { contestOf, runContest, type Contender } from './contest.js';
import { studyDefinition } from './definition.js';
import { settingOf, worldOf, type Study } from './types.js';

const minuteMs = 60_000;
type FreshArm = Contender['arms'][number] & { readonly what: string };

const control = 'never';
const arms: readonly FreshArm[] = [
  { name: control, what: 'the model is as it was trained; features see everything at once' },
  { name: 'nothing', what: 'neither model nor features see anything that is new', followState: false },
  { name: 'day', what: 'learns once a day', learnEveryMs: 24 * 60 * minuteMs },
  { name: 'hour', what: 'learns once an hour', learnEveryMs: 60 * minuteMs },
  { name: 'minute', what: 'learns every minute, as soon as a batch is full', learnEveryMs: minuteMs },
];
/** Whether it matters how often, beside whether at all. */
const oftener: readonly Contrast[] = [
  { arm: 'hour', control: 'day' },
  { arm: 'minute', control: 'day' },
];
const compared = arms.filter(({ name }) => name !== control).map(({ name }) => name);

export const freshness: Study = {
  name: 'freshness',
  title: 'How much it is worth to learn often',
  about: 'learning every minute, hour and day, and never',
  full: { worlds: 4, users: 400, requestsPerDay: 1500, historyDays: 5, days: 4 },
  short: { worlds: 2, users: 40, requestsPerDay: 80, historyDays: 2, days: 2 },
  async run(options) {
    const { size } = options;
    const definition = await studyDefinition();
    const replicates = await runContest({
      ...contestOf(options),
      contenders: [{ definition, arms }],
      world: { ...worldOf(size), sources: true },
    });
    const effects = [...compared.map((arm) => ({ arm, control })), ...oftener].flatMap((contrast) =>
      effectsOf(replicates, contrast),
    );
    const byDay = (measure: 'engagement' | 'satisfaction'): string =>
      dayLines(
        { title: `Difference to never learning, by day: ${measure}`, unit: '%' },
        new Map(
          compared.map((arm) => [arm, effectByDay(replicates, { arm, control }, measure).map((share) => 100 * share)]),
        ),
      );
    return {
      found: {
        question:
          'Interests drift, videos and people are new every day. What is it worth that a model learns from what happened a minute, an hour or a day ago, beside one that never learns again? Feature state (histories, rates, counts) follows at once everywhere but in the arm ‘nothing’. All learning arms take the same steps of the same size; only when they take them differs. Feedback counts for ten minutes after a list was shown before its rows are learned; likes and ratings that come later are learned when they come.',
        setting: settingOf(size, definition),
        arms: arms.map(({ name, what }) => ({ name, what, levels: levelsOf(replicates, name) })),
        effects,
        claims: [],
        findings: findingsOf(effects),
        tables: [],
      },
      plots: new Map([
        ['freshness-days-engagement.svg', byDay('engagement')],
        ['freshness-days-satisfaction.svg', byDay('satisfaction')],
      ]),
    };
  },
};

const sentences = [
  { what: 'Learning once a day against never', arm: 'day', control },
  { what: 'Learning every minute against once a day', arm: 'minute', control: 'day' },
  { what: 'Learning every hour against once a day', arm: 'hour', control: 'day' },
  { what: 'Learning every minute against never', arm: 'minute', control },
  { what: 'Features that see nothing new, against features that do', arm: 'nothing', control },
] as const;

const findingsOf = (effects: readonly Effect[]): string[] =>
  sentences.map(({ what, ...contrast }) => {
    const told = (['engagement', 'satisfaction'] as const).flatMap((measure) => {
      const effect = effects.find(
        (each) => each.arm === contrast.arm && each.control === contrast.control && each.measure === measure,
      );
      if (effect === undefined) return [];
      const sign = signOf(effect.expected);
      const words = { up: `more ${measure}`, down: `less ${measure}`, none: `no difference in ${measure} can be told` };
      return [`${words[sign ?? 'none']}, ${intervalText(effect.expected)}`];
    });
    return `${what}: ${told.join('; ')}.`;
  });
