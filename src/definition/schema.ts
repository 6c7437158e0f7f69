import { Type, type Static } from '@sinclair/typebox';
import { BiasSchema } from './bias-schema.js';
import { ExplorationSchema } from './exploration-schema.js';
import { FeatureSchema } from './feature-schema.js';
import { MetricSchema } from './metrics-schema.js';
import { Name, named, object, word } from './schema-parts.js';
import { LabelSchema, StreamSchema } from './stream-schema.js';
import { TrainingSchema } from './training-schema.js';

const TaskSchema = object(
  {
    group: Type.Optional(
      word(['engagement', 'satisfaction'], {
        description: 'a note for readers: what people do, or what they say of it; nothing is computed from it',
      }),
    ),
    kind: word(['binary', 'regression'], {
      description:
        'binary: a label of 0 and 1, served as a probability; regression: an amount, learned by squared error, served in its own unit',
    }),
    label: Type.String({
      minLength: 1,
      description: 'the field of the data set that holds the outcome; NULL is unknown',
    }),
    transform: Type.Optional(
      word(['none', 'log1p'], {
        description:
          'for regression: log1p for amounts with a long tail such as seconds watched; undone in the served value',
        default: 'none',
      }),
    ),
    when: Type.Optional(
      Type.String({ description: 'a binary task: this one is learned only from rows where that one is positive' }),
    ),
    weight: Type.Optional(
      Type.Number({ minimum: 0, description: 'weight of its loss against the other tasks’', default: 1 }),
    ),
  },
  'one predicted outcome: a head of the network',
);

const widths = (description: string, standard: readonly number[]) =>
  Type.Array(Type.Integer({ minimum: 1, maximum: 8192 }), { description, default: standard });
const share = (description: string) => Type.Number({ minimum: 0, exclusiveMaximum: 1, description, default: 0 });
const NetworkSchema = object(
  {
    kind: word(['independent', 'shared_bottom', 'mmoe'], {
      description:
        'independent: one network per task; shared_bottom: the same layers for all, for few or like tasks and small data; mmoe: experts mixed by a gate per task, for tasks that disagree',
    }),
    bottom: Type.Optional(
      widths('widths of the dense layers under the towers or experts; shared, except with independent', []),
    ),
    experts: Type.Optional(
      Type.Integer({ minimum: 2, maximum: 64, description: 'mmoe: how many experts; 4 to 8 is usual', default: 8 }),
    ),
    expert_layers: Type.Optional(widths('mmoe: widths of the dense layers of each expert', [128])),
    towers: Type.Optional(widths('widths of the dense layers of each task’s own tower, before its output', [64])),
    gate_dropout: Type.Optional(
      share(
        'mmoe: chance in training that an expert is left out for a row and task; 0.1 when a gate settles on one expert',
      ),
    ),
    dropout: Type.Optional(
      share(
        'chance in training that a hidden value is left out; 0.1 to 0.3 when validation gets worse as training goes on',
      ),
    ),
    input_dropout: Type.Optional(share('the same for the network’s inputs; 0.1 helps against reliance on single ids')),
    precision: Type.Optional(
      word(['float32', 'int8'], {
        description:
          'what the hidden layers are computed in when serving: int8 takes about half of the processor’s time and moves heads by a thousandth or two (docs/performance.md); trained in float32 either way',
        default: 'float32',
      }),
    ),
  },
  'the network: independent (one per task), shared_bottom, or mmoe (experts mixed by a gate per task)',
);

const ScoreSchema = object(
  {
    form: word(['product', 'sum'], {
      description:
        'product: prod value^weight, where units do not matter; sum: sum weight*value, where heads have one unit',
    }),
    weights: named(Type.Number(), 'the weight of each head that counts; a negative one pushes down'),
    bounds: Type.Optional(
      named(
        Type.Tuple([Type.Number(), Type.Number()]),
        'per head [low, high]: what a request may ask for as weight; -10 to 10 where there is none',
      ),
    ),
    exploration: Type.Optional(ExplorationSchema),
  },
  'how head values become one score: prod value^weight, or sum weight*value; bounds limit what a request may ask for',
);

/**
 * The one schema of ranker.yaml, with those of its parts beside it: the TypeScript types, the JSON Schema for editors, the
 * validator and docs/definition.md all come from here. Keys are snake_case because people write them in YAML. `default` says
 * what holds when a key is left out; nothing fills it in here.
 */
export const RankerSchema = object(
  {
    name: {
      ...Name,
      description: 'a name in lower-case letters, digits and underscores, that of its folder',
    },
    description: Type.Optional(Type.String({ description: 'a sentence for readers' })),
    features: named(FeatureSchema, 'what is looked at'),
    tasks: named(TaskSchema, 'what is predicted'),
    network: NetworkSchema,
    bias: Type.Optional(BiasSchema),
    score: ScoreSchema,
    training: Type.Optional(TrainingSchema),
    labels: Type.Optional(
      named(LabelSchema, 'by task, how feedback from the stream becomes its label; a task left out takes the defaults'),
    ),
    stream: Type.Optional(StreamSchema),
    metrics: Type.Optional(
      named(
        MetricSchema,
        'by name, what experiments are compared by; if left out, one metric per task, watch time and completion',
      ),
    ),
  },
  'a ranker',
);

export type RankerDefinition = Static<typeof RankerSchema>;
export type FeatureDefinition = Static<typeof FeatureSchema>;
export type FeatureKindName = FeatureDefinition['kind'];
export type FeatureOf<K extends FeatureKindName> = Extract<FeatureDefinition, { kind: K }>;
export type FeatureScope = 'user' | 'context' | 'candidate';
export type TaskDefinition = Static<typeof TaskSchema>;
export type NetworkDefinition = Static<typeof NetworkSchema>;
export type BiasDefinition = Static<typeof BiasSchema>;
export type ScoreDefinition = Static<typeof ScoreSchema>;
export type TrainingDefinition = Static<typeof TrainingSchema>;
export type LabelDefinition = Static<typeof LabelSchema>;
export type MetricDefinition = Static<typeof MetricSchema>;
export type StreamDefinition = Static<typeof StreamSchema>;
