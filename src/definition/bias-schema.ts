import { Type } from '@sinclair/typebox';
import { object, word } from './schema-parts.js';

export const BiasSchema = object(
  {
    kind: Type.Optional(
      word(['tower', 'input', 'adversarial'], {
        description:
          'tower: a weight per combination beside the network, left out when serving; input: the position is an input of the network, and a constant when serving; adversarial: the network’s shared layers are kept from carrying the position',
        default: 'tower',
      }),
    ),
    features: Type.Array(Type.String(), {
      minItems: 1,
      uniqueItems: true,
      description:
        'tower: position, and category features with listed values; they are crossed, every combination has a weight per task; without position it takes what these features explain, and positions stay uncorrected. input and adversarial: [position]',
    }),
    positions: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1000,
        description: 'positions told apart; later ones count as the last',
        default: 40,
      }),
    ),
    dropout: Type.Optional(
      Type.Number({
        minimum: 0,
        exclusiveMaximum: 1,
        description:
          'tower and input: chance in training that a row goes without, so that the network learns to do without; 0.1 is usual',
        default: 0,
      }),
    ),
    tasks: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        uniqueItems: true,
        description: 'tower: tasks it is added to',
        default: 'all binary tasks',
      }),
    ),
    rate: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1000,
        description:
          'tower: factor on the learning rate of its weights; 10 where training has only some hundred steps, in which they cannot reach what they should be',
        default: 1,
      }),
    ),
    serve_as: Type.Optional(
      word(['first', 'missing'], {
        description:
          'input: what the position is when serving: the first place, or missing, which needs dropout to be learned',
        default: 'first',
      }),
    ),
    weight: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 100,
        description:
          'adversarial: how strongly the shared layers are pushed away from what tells the position, against the tasks’ losses; above 0.3 it hides what is good too',
        default: 0.1,
      }),
    ),
    ramp: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description:
          'adversarial: share of training over which weight rises from 0; learning that goes on has all of it',
        default: 1,
      }),
    ),
  },
  'how the network is kept from learning what the screen, not the candidate, explains; trained with, served without',
);
