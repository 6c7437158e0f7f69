import { nameHint } from '../nearest.js';
import type { Found } from './explain.js';
import { unknownTask } from './references.js';
import type { BiasDefinition, RankerDefinition } from './schema.js';

/** The kinds of bias treatment that a key belongs to; keys of all kinds are left out. */
const kindsOf = {
  dropout: ['tower', 'input'],
  tasks: ['tower'],
  rate: ['tower'],
  serve_as: ['input'],
  weight: ['adversarial'],
  ramp: ['adversarial'],
} as const;

/** What the schema cannot say of `bias`, all of it at once. */
export const checkBias = (definition: RankerDefinition): Found[] => {
  const { bias } = definition;
  if (bias === undefined) return [];
  const { kind = 'tower' } = bias;
  return [
    ...misplacedKeys(bias),
    ...(kind === 'tower' ? uncrossable(definition, bias) : notPosition(kind, bias)),
    ...(bias.tasks ?? []).flatMap((task) => unknownTask(definition, ['bias', 'tasks'], task)),
    ...(kind === 'adversarial' ? nothingShared(definition) : []),
    ...(bias.positions !== undefined && !bias.features.includes('position')
      ? [
          {
            path: ['bias', 'positions'],
            message: '"positions" without the feature position has no effect',
            hint: 'add position to bias.features or remove it',
          },
        ]
      : []),
    ...(kind === 'input' && bias.serve_as === 'missing' && (bias.dropout ?? 0) === 0
      ? [
          {
            path: ['bias', 'serve_as'],
            message: '"missing" is what the network never met: no row is learned without its position',
            hint: 'add dropout: 0.1, or serve_as: first',
          },
        ]
      : []),
  ];
};

const misplacedKeys = (bias: BiasDefinition): Found[] => {
  const { kind = 'tower' } = bias;
  return (Object.keys(kindsOf) as (keyof typeof kindsOf)[]).flatMap((key): Found[] => {
    const kinds: readonly string[] = kindsOf[key];
    if (bias[key] === undefined || kinds.includes(kind)) return [];
    return [
      {
        path: ['bias', key],
        message: `"${key}" belongs to kind: ${kinds.join(' or ')}`,
        hint: `remove it, or change kind: ${kind}`,
      },
    ];
  });
};

const uncrossable = (definition: RankerDefinition, bias: BiasDefinition): Found[] =>
  bias.features.flatMap((name): Found[] => {
    if (name === 'position') return [];
    const feature = definition.features[name];
    if (feature?.kind === 'category' && feature.values !== undefined) return [];
    const usable = Object.entries(definition.features).filter(
      ([, f]) => f.kind === 'category' && f.values !== undefined,
    );
    return [
      {
        path: ['bias', 'features'],
        message: `"${name}" cannot be crossed`,
        hint: nameHint(name, ['position', ...usable.map(([key]) => key)]),
      },
    ];
  });

/** Only the position is unknown to the network; everything else that could be listed is one of its inputs. */
const notPosition = (kind: string, { features }: BiasDefinition): Found[] =>
  features.length === 1 && features[0] === 'position'
    ? []
    : [
        {
          path: ['bias', 'features'],
          message: `kind: ${kind} takes the position alone; other features are inputs of the network already`,
          hint: 'features: [position]',
        },
      ];

const nothingShared = ({ network }: RankerDefinition): Found[] =>
  network.kind === 'mmoe' || (network.kind === 'shared_bottom' && (network.bottom ?? []).length > 0)
    ? []
    : [
        {
          path: ['bias', 'kind'],
          message: `kind: adversarial needs layers that all tasks share, which this network has not`,
          hint: 'give network kind: mmoe, or kind: shared_bottom with bottom: [64]',
        },
      ];
