import { markdownTable } from '../charts/index.js';
import { verdictText, type Claim, type JudgedClaim } from './claims.js';
import type { Effect, Levels } from './effects.js';
import type { Interval } from './intervals.js';
import { intervalPlot } from './plots.js';
import { measureNames, measures, type MeasureName } from './tally.js';

/** Where and how long a study ran; nothing of it changes a result. */
export interface StudyRun {
  /** What runs it again. */
  readonly command: string;
  readonly seconds: number;
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
}

export interface StudyArm {
  readonly name: string;
  /** What it is, for people. */
  readonly what: string;
  readonly levels: Levels;
}

/** Everything that a study found. One seed, one result: its JSON is the same on every run. */
export interface StudyResult {
  readonly study: string;
  readonly title: string;
  /** What was asked and how, in a few sentences. */
  readonly question: string;
  readonly seed: number;
  /** A short form says only that all parts work together. */
  readonly short: boolean;
  /** By name, for people: worlds, users, days, rows. */
  readonly setting: Readonly<Record<string, string | number>>;
  readonly arms: readonly StudyArm[];
  readonly effects: readonly Effect[];
  readonly claims: readonly JudgedClaim[];
  /** Sentences on what was found: the first two are what the index says. */
  readonly findings: readonly string[];
  /** Tables of its own, markdown. */
  readonly tables: readonly { readonly title: string; readonly markdown: string }[];
  /** What the tables are made of. */
  readonly numbers?: object;
}

/** A report for people: markdown, and the pictures it names. */
export interface StudyReport {
  readonly markdown: string;
  readonly plots: ReadonlyMap<string, string>;
}

const percent = (share: number, digits = 2): string =>
  `${share < 0 ? '−' : '+'}${Math.abs(100 * share).toFixed(digits)} %`;

/** `+1.20 % (−0.40 % to +2.80 %)`. */
export const intervalText = ({ estimate, low, high }: Interval): string =>
  low === null || high === null
    ? `${percent(estimate)} (one world: no interval)`
    : `${percent(estimate)} (${percent(low)} to ${percent(high)})`;

const contrastName = ({ arm, control }: Effect): string => `${arm} − ${control}`;

const effectTable = (effects: readonly Effect[]): string => {
  const contrasts = [...new Set(effects.map(contrastName))];
  return markdownTable(
    ['difference', ...measureNames.map((measure) => measures[measure].name), 'engagement, as it came out'],
    contrasts.map((contrast) => {
      const of = (measure: MeasureName): Effect | undefined =>
        effects.find((effect) => contrastName(effect) === contrast && effect.measure === measure);
      const text = (interval: Interval | null | undefined): string =>
        interval === undefined ? '' : interval === null ? 'nobody said' : intervalText(interval);
      return [
        contrast,
        ...measureNames.map((measure) => text(of(measure)?.expected)),
        text(of('engagement')?.observed),
      ];
    }),
  );
};

const armTable = (arms: readonly StudyArm[]): string =>
  markdownTable(
    ['arm', 'what', ...measureNames.map((measure) => measures[measure].unit)],
    arms.map(({ name, what, levels }) => [name, what, ...measureNames.map((measure) => levels[measure].toFixed(3))]),
  );

const claimTable = (claims: readonly JudgedClaim[]): string =>
  markdownTable(
    ['the paper says', 'published', 'found here', 'so it'],
    claims.map((claim) => [claim.says, publishedText(claim), intervalText(claim.effect.expected), verdictText(claim)]),
  );

/** `+0.20 %`, and where it comes from if it is not printed. */
export const publishedText = ({ published, derived }: Pick<Claim, 'published' | 'derived'>): string =>
  `${percent(published)}${derived === true ? ' (follows from what is printed)' : ''}`;

const effectPlot = ({ title, effects, claims }: StudyResult, measure: MeasureName): string =>
  intervalPlot(
    { title: `${title}: ${measures[measure].name}`, unit: 'difference in %' },
    effects
      .filter((effect) => effect.measure === measure)
      .map((effect) => {
        const claim = claims.find(
          ({ arm, control, measure: of }) => arm === effect.arm && control === effect.control && of === measure,
        );
        const { estimate, low, high } = effect.expected;
        return {
          name: contrastName(effect),
          estimate: 100 * estimate,
          low: low === null ? null : 100 * low,
          high: high === null ? null : 100 * high,
          points: effect.byReplicate.map((share) => 100 * share),
          ...(claim !== undefined && { published: 100 * claim.published }),
        };
      }),
  );

const runText = ({ seconds, cpu, cores, node }: StudyRun): string =>
  `${Math.round(seconds)} s on ${cores} cores (${cpu}), Node ${node}`;

/** `plots` are drawn beside those of the effects, by file name. */
export const buildStudyReport = (
  result: StudyResult,
  run: StudyRun,
  plots: ReadonlyMap<string, string> = new Map(),
): StudyReport => {
  const { study, title, question, seed, short, setting, arms, effects, claims, findings, tables } = result;
  const drawn = new Map([
    ...(effects.length === 0
      ? []
      : (['engagement', 'satisfaction'] as const).map(
          (measure) => [`${study}-${measure}.svg`, effectPlot(result, measure)] as const,
        )),
    ...plots,
  ]);
  const paragraphs = [
    `# ${title}`,
    question,
    ...(short ? ['*The short form: it shows that all parts work together, and can tell next to nothing.*'] : []),
    `Seed ${seed}; ${runText(run)}. ${Object.entries(setting)
      .map(([name, value]) => `${name}: ${value}`)
      .join('; ')}.`,
    '## What was found',
    findings.map((finding) => `- ${finding}`).join('\n'),
    ...(claims.length === 0 ? [] : ['## Against what was published', claimTable(claims)]),
    ...(effects.length === 0
      ? []
      : [
          '## Differences',
          'As the law of the world expects it of the lists that were shown, in percent of the second arm; in brackets the 95 % interval over worlds, each with people, videos, log and training seed of its own. All arms meet the same requests, and what happens is drawn by request and video: the differences are paired. Every interval stands for itself: of twenty, one misses.',
          effectTable(effects),
        ]),
    ...[...drawn.keys()].map((name) => `![${name}](${name})`),
    ...(arms.length === 0 ? [] : ['## Arms', armTable(arms)]),
    ...tables.flatMap((table) => [`## ${table.title}`, table.markdown]),
    `\`${run.command}\` runs it again; ${study}.json has every number.`,
  ];
  return { markdown: `${paragraphs.join('\n\n')}\n`, plots: drawn };
};

/** One screen on all studies that were run, in the order given. */
export const buildIndex = (
  studies: readonly {
    readonly result: Pick<StudyResult, 'study' | 'title' | 'seed' | 'short' | 'findings'>;
    readonly run: StudyRun;
  }[],
): string =>
  [
    '# Studies',
    'Questions to the simulated world, where the truth is known; each report has its intervals, its seed and how long it took. `npm run studies` runs all of them (`npm run studies -- --short`: in a minute, to see that they work).',
    markdownTable(
      ['study', 'what was found', 'run'],
      studies.map(({ result: { study, title, seed, short, findings }, run }) => [
        `[${title}](${study}.md)`,
        findings.slice(0, 2).join(' '),
        `seed ${seed}${short ? ', short form' : ''}; ${Math.round(run.seconds)} s`,
      ]),
    ),
    'People, videos and what they do with each other are made up; the law is in training/dataset/simulation/law.ts. What holds here need not hold elsewhere.',
  ].join('\n\n') + '\n';
