import {
  dayLines,
  effectByDay,
  effectsOf,
  intervalText,
  levelsOf,
  signOf,
  type Effect,
} from '../../training/studies/index.js';
import { runContest, type Contender } from './contest.js';
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
const compared = arms.filter(({ name }) => name !== control).map(({ name }) => name);

export const freshness: Study = {
  title: 'How much it is worth to learn often',
  about: 'learning every minute, hour and day, and never',
  full: { worlds: 4, users: 400, requestsPerDay: 1500, historyDays: 5, days: 4 },
  short: { worlds: 2, users: 40, requestsPerDay: 80, historyDays: 2, days: 2 },
  async run({ seed, short, size, onProgress }) {
    const definition = await studyDefinition();
    const replicates = await runContest({
      contenders: [{ definition, arms }],
      seed,
      worlds: size.worlds,
      world: { ...worldOf(size), sources: true },
      historyDays: size.historyDays,
      liveDays: size.days,
      ...(onProgress && { onProgress }),
    });
    const effects = compared.flatMap((arm) => effectsOf(replicates, { arm, control }));
    const byDay = (measure: 'engagement' | 'satisfaction'): string =>
      dayLines(
        { title: `Difference to never learning, by day: ${measure}`, unit: '%' },
        new Map(
          compared.map((arm) => [arm, effectByDay(replicates, { arm, control }, measure).map((share) => 100 * share)]),
        ),
      );
    return {
      result: {
        study: 'freshness',
        title: freshness.title,
        question:
          'Interests drift, videos and people are new every day. What is it worth that a model learns from what happened a minute, an hour or a day ago, beside one that never learns again? Feature state (histories, rates, counts) follows at once everywhere but in the arm ‘nothing’. All learning arms take the same steps of the same size; only when they take them differs. Feedback counts for ten minutes after a list was shown before its rows are learned; likes and ratings that come later are learned when they come.',
        seed,
        short,
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

const words = { up: 'more', down: 'less' } as const;

const findingsOf = (effects: readonly Effect[]): string[] => {
  const of = (arm: string, measure: Effect['measure']): Effect | undefined =>
    effects.find((effect) => effect.arm === arm && effect.measure === measure);
  const sentence = (arm: string, measure: Effect['measure'], what: string): string[] => {
    const effect = of(arm, measure);
    if (effect === undefined) return [];
    const sign = signOf(effect.expected);
    const told = sign === undefined ? `no difference in ${measure} can be told` : `${words[sign]} ${measure}`;
    return [`${what}: ${told}, ${intervalText(effect.expected)}.`];
  };
  return [
    ...sentence('minute', 'engagement', 'Learning every minute against never'),
    ...sentence('minute', 'satisfaction', 'Learning every minute against never'),
    ...sentence('hour', 'engagement', 'Every hour'),
    ...sentence('hour', 'satisfaction', 'Every hour'),
    ...sentence('day', 'engagement', 'Every day'),
    ...sentence('day', 'satisfaction', 'Every day'),
    ...sentence('nothing', 'engagement', 'Features that see nothing new, against features that do'),
    ...sentence('nothing', 'satisfaction', 'Features that see nothing new, against features that do'),
  ];
};
