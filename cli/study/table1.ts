import type { NetworkDefinition, RankerDefinition } from '../../src/definition/index.js';
import { markdownTable } from '../../training/charts/index.js';
import {
  effectsOf,
  judgeClaims,
  levelsOf,
  multiplicationsOf,
  nearestWidth,
  type Claim,
  type Contrast,
  type SolvedNetwork,
} from '../../training/studies/index.js';
import { contestOf, runContest } from './contest.js';
import { studyDefinition } from './definition.js';
import { summarise } from './findings.js';
import { settingOf, type Study } from './types.js';

/** Shared layer, towers and dropout are the same everywhere; experts and their number, or one wide layer, are what differs. */
const shared = 48;
const common = { towers: [12], dropout: 0.1 };
const mmoe = (experts: number): NetworkDefinition => ({
  kind: 'mmoe',
  bottom: [shared],
  experts,
  expert_layers: [24],
  gate_dropout: 0.1,
  ...common,
});
const sharedBottom = (width: number): NetworkDefinition => ({
  kind: 'shared_bottom',
  bottom: [shared, width],
  ...common,
});

/** Four networks in two pairs of as many multiplications per candidate. */
export const equalNetworks = (definition: RankerDefinition): ReadonlyMap<string, SolvedNetwork> => {
  const pair = (experts: number): SolvedNetwork[] => {
    const network = mmoe(experts);
    const multiplications = multiplicationsOf(definition, network);
    return [nearestWidth(definition, sharedBottom, multiplications), { network, multiplications }];
  };
  const names = ['shared bottom, small', 'MMoE, 4 experts', 'shared bottom, large', 'MMoE, 8 experts'];
  return new Map([...pair(4), ...pair(8)].map((solved, at) => [names[at] ?? '', solved]));
};

const contrasts: readonly Contrast[] = [
  { arm: 'shared bottom, large', control: 'shared bottom, small' },
  { arm: 'MMoE, 4 experts', control: 'shared bottom, small' },
  { arm: 'MMoE, 8 experts', control: 'shared bottom, small' },
  { arm: 'MMoE, 8 experts', control: 'shared bottom, large' },
];

/** Zhao et al., RecSys 2019, table 1; of the last contrast it prints both parts, not their difference. */
const published = [
  [0.001, 0.0189],
  [0.002, 0.0122],
  [0.0045, 0.0307],
  [1.0045 / 1.001 - 1, 1.0307 / 1.0189 - 1],
];

const claims: readonly Claim[] = contrasts.flatMap(({ arm, control }, at) =>
  (['engagement', 'satisfaction'] as const).map((measure, column): Claim => ({
    says: `${arm}: more ${measure} than ${control}`,
    arm,
    control,
    measure,
    direction: 'up',
    published: published[at]?.[column] ?? 0,
    derived: at === 3,
  })),
);

export const table1: Study = {
  name: 'table1',
  title: 'Sharing layers or experts, at equal cost',
  about: 'shared bottom and MMoE at equal multiplications (Zhao et al. 2019, table 1)',
  full: { worlds: 12, users: 400, requestsPerDay: 1200, historyDays: 7, days: 1 },
  short: { worlds: 2, users: 40, requestsPerDay: 80, historyDays: 2, days: 1 },
  async run(options) {
    const { size } = options;
    const definition = await studyDefinition();
    const networks = equalNetworks(definition);
    const replicates = await runContest({
      ...contestOf(options),
      contenders: [...networks].map(([name, { network }]) => ({
        definition: { ...definition, network },
        arms: [{ name }],
      })),
    });
    const effects = contrasts.flatMap((contrast) => effectsOf(replicates, contrast));
    const judged = judgeClaims(claims, effects);
    return {
      found: {
        question:
          'Is a mixture of experts with a gate per task better than layers that all tasks share, at as many multiplications per candidate? The four networks of the paper’s table 1, scaled down, learn from the same log and then serve the same people. Engagement is the time watched, satisfaction the mean rating of what was watched.',
        setting: settingOf(size, definition),
        arms: [...networks].map(([name, { network, multiplications }]) => ({
          name,
          what: `${multiplications.toLocaleString('en-US')} multiplications per candidate; bottom ${(network.bottom ?? []).join('-')}`,
          levels: levelsOf(replicates, name),
        })),
        effects,
        claims: judged,
        findings: summarise(judged),
        tables: [{ title: 'As printed in the paper', markdown: printed }],
      },
    };
  },
};

const printed = markdownTable(
  ['model', 'multiplications', 'engagement', 'satisfaction'],
  [
    ['shared bottom', '3.7 M', 'control', 'control'],
    ['shared bottom', '6.1 M', '+0.1 %', '+1.89 %'],
    ['MMoE, 4 experts', '3.7 M', '+0.20 %', '+1.22 %'],
    ['MMoE, 8 experts', '6.1 M', '+0.45 %', '+3.07 %'],
  ],
);
