import type { BiasDefinition, RankerDefinition } from '../../src/definition/index.js';
import { markdownTable } from '../../training/charts/index.js';
import { effectsOf, judgeClaims, levelsOf, type Claim, type Contrast } from '../../training/studies/index.js';
import { contestOf, runContest } from './contest.js';
import { studyDefinition } from './definition.js';
import { summarise } from './findings.js';
import { settingOf, type Study } from './types.js';

interface Treatment {
  readonly name: string;
  readonly what: string;
  readonly bias: BiasDefinition | undefined;
}

const positions = 10;
/** What the ranker learns from whose log is learned from here. */
const platformDays = 3;
const treatments: readonly Treatment[] = [
  { name: 'none', what: 'the position is not known to the model', bias: undefined },
  {
    name: 'input',
    what: 'an input of the network; the first place when serving',
    bias: { kind: 'input', features: ['position'], positions, dropout: 0.1, serve_as: 'first' },
  },
  {
    name: 'adversarial',
    what: 'shared layers are kept from telling it',
    bias: { kind: 'adversarial', features: ['position'], positions },
  },
  {
    name: 'tower',
    what: 'a shallow tower of position and device, left out when serving',
    bias: {
      kind: 'tower',
      features: ['position', 'device'],
      positions,
      dropout: 0.1,
      // In the steps of a study its weights would not come near the truth: docs/lab-log.md, position bias.
      rate: 10,
      tasks: ['click', 'like', 'dismiss'],
    },
  },
];

const contrasts: readonly Contrast[] = [
  { arm: 'input', control: 'none' },
  { arm: 'adversarial', control: 'none' },
  { arm: 'tower', control: 'none' },
  { arm: 'tower', control: 'input' },
  { arm: 'tower', control: 'adversarial' },
];

/** Zhao et al., RecSys 2019, table 2, against its production model; the last two follow from it. */
const claims: readonly Claim[] = [
  { says: 'the position as an input: less engagement than no treatment', published: -0.0007 },
  { says: 'an adversarial loss: more engagement than no treatment', published: 0.0001 },
  { says: 'a shallow tower: more engagement than no treatment', published: 0.0024 },
  { says: 'a shallow tower: more engagement than the position as an input', published: 1.0024 / 0.9993 - 1 },
  { says: 'a shallow tower: more engagement than an adversarial loss', published: 1.0024 / 1.0001 - 1 },
].flatMap(({ says, published }, at): Claim[] => {
  const contrast = contrasts[at];
  if (contrast === undefined) return [];
  const direction = published > 0 ? 'up' : 'down';
  return [{ says, ...contrast, measure: 'engagement', direction, published, derived: at > 2 }];
});

const treated = (definition: RankerDefinition, bias: BiasDefinition | undefined): RankerDefinition => {
  const plain = { ...definition };
  delete plain.bias;
  return bias === undefined ? plain : { ...plain, bias };
};

export const table2: Study = {
  name: 'table2',
  title: 'Three treatments of the position',
  about: 'position as an input, adversarial loss, shallow tower (Zhao et al. 2019, table 2)',
  full: { worlds: 8, users: 400, requestsPerDay: 1200, historyDays: 7, days: 1 },
  short: { worlds: 2, users: 40, requestsPerDay: 80, historyDays: 2, days: 1 },
  async run(options) {
    const { size } = options;
    const definition = await studyDefinition();
    const replicates = await runContest({
      ...contestOf(options),
      contenders: treatments.map(({ name, bias }) => ({ definition: treated(definition, bias), arms: [{ name }] })),
      historyDays: platformDays,
      servedBy: { definition: treated(definition, undefined), days: size.historyDays },
    });
    const effects = contrasts.flatMap((contrast) => effectsOf(replicates, contrast));
    const judged = judgeClaims(claims, effects);
    return {
      found: {
        question:
          'What stands first is looked at more often, so a log confirms the order it was made by. Which treatment of the position gives the best lists? The log is that of a ranker without a treatment, so that place and promise go together; how far attention falls with the position differs by device, and only the world knows. Four rankers that differ in nothing but the treatment learn from that log, and then serve the same people.',
        setting: { ...settingOf(size, definition), 'days of the platform before': platformDays },
        arms: treatments.map(({ name, what }) => ({ name, what, levels: levelsOf(replicates, name) })),
        effects,
        claims: judged,
        findings: summarise(judged),
        tables: [
          {
            title: 'As printed in the paper',
            markdown: markdownTable(
              ['method', 'engagement'],
              [
                ['position as input feature', '−0.07 %'],
                ['adversarial loss', '+0.01 %'],
                ['shallow tower', '+0.24 %'],
              ],
            ),
          },
        ],
      },
    };
  },
};
