import { Type, type Static } from '@sinclair/typebox';
import { BiasSchema } from './bias-schema.js';
import { ExplorationSchema } from './exploration-schema.js';
import { MetricSchema } from './metrics-schema.js';
import { byKind, duration, Name, named, object, word } from './schema-parts.js';
import { LabelSchema, StreamSchema } from './stream-schema.js';

/**
 * The one schema of ranker.yaml: the TypeScript types, the JSON Schema for editors, the validator and docs/definition.md all
 * come from here. Keys are snake_case because people write them in YAML. `default` says what holds when a key is left out;
 * nothing fills it in here.
 */
const Scope = word(['user', 'context', 'candidate'], {
  description: 'whose field it is; user and context are computed once per request, candidate once per row',
});
const Dim = Type.Integer({
  minimum: 1,
  maximum: 512,
  description: 'width of an embedding row: 8 to 16 for thousands of values, 32 for millions',
});
const From = Type.String({
  minLength: 1,
  description: 'the field to read',
  default: 'the feature’s name',
});
const Key = Type.Union(
  [Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 2 })],
  {
    description: 'one field, or two fields, whose values key the state, e.g. item_id or [user_id, author_id]',
  },
);
const Delay = duration(
  'feedback becomes visible to state at the next multiple of it (1d: the next midnight), with 0s at once. Take what your service can keep up with: 1d if it is retrained every night',
  'training.feedback_delay',
);
const HalfLife = duration('after it an outcome counts half; without one, outcomes count for ever');
const HistoryLength = (what: string) => Type.Integer({ minimum: 1, maximum: 1000, description: what, default: 50 });
const Admission = {
  min_count: Type.Optional(
    Type.Integer({
      minimum: 1,
      description:
        'sightings in training before a value gets its own embedding row; rarer ones count as unknown. 2 to 5 keeps large tables small',
      default: 1,
    }),
  ),
  expire: Type.Optional(
    duration(
      'an id not seen for this long before the end of the training part gets no embedding row; without it none expires',
    ),
  ),
  shares: Type.Optional(
    Type.String({ description: 'the feature whose embedding table this one uses too, instead of its own dim' }),
  ),
};

const IdFeature = object(
  { kind: Type.Literal('id'), scope: Scope, from: Type.Optional(From), dim: Type.Optional(Dim), ...Admission },
  'one id, embedded; dim is needed unless it shares another feature’s table',
);
const CategoryFeature = object(
  {
    kind: Type.Literal('category'),
    scope: Scope,
    from: Type.Optional(From),
    values: Type.Optional(
      Type.Array(Type.Unsafe<string | number | boolean>({ type: ['string', 'number', 'boolean'] }), {
        minItems: 1,
        uniqueItems: true,
        description: 'every value there is, one-hot; for up to some tens of known values. Others count as unknown',
      }),
    ),
    dim: Type.Optional(Dim),
    min_count: Admission.min_count,
  },
  'a category: one-hot over the listed values, or embedded in dim numbers when the values are open; exactly one of the two',
);
const NumberFeature = object(
  {
    kind: Type.Literal('number'),
    scope: Scope,
    from: Type.Optional(From),
    transform: Type.Optional(
      word(['none', 'log1p'], {
        description:
          'log1p, log(1 + x), for amounts with a long tail: durations, prices, counts; negative ones count as 0',
        default: 'none',
      }),
    ),
    encode: Type.Optional(
      word(['standardise', 'raw', 'quantiles'], {
        description:
          'standardise: training mean 0 and deviation 1; raw: as it is, for numbers that are between about -1 and 1 already; quantiles: one-hot over buckets of equally many training rows, where effects are not monotone',
        default: 'standardise',
      }),
    ),
    buckets: Type.Optional(
      Type.Integer({
        minimum: 2,
        maximum: 256,
        description: 'how many; needed with encode: quantiles, and only there',
      }),
    ),
    min: Type.Optional(Type.Number({ description: 'smaller numbers count as this one; before the transform' })),
    max: Type.Optional(Type.Number({ description: 'larger numbers count as this one; before the transform' })),
    default: Type.Optional(
      Type.Number({
        description: 'used when the field is missing',
        default: 'the training mean; 0 for raw; no bucket for quantiles',
      }),
    ),
  },
  'a number: standardised (the default), raw, or one-hot over its training quantiles',
);
const TimeFeature = object(
  {
    kind: Type.Literal('time'),
    scope: Scope,
    unit: word(['hour_of_day', 'day_of_week', 'age'], {
      description: 'hour_of_day and day_of_week of the request’s own time, or the age of a field’s time at the request',
    }),
    from: Type.Optional(
      Type.String({
        description: 'for age, and only there: the field with the start time, in milliseconds or as an ISO text',
      }),
    ),
    timezone: Type.Optional(Type.String({ description: 'an IANA zone such as Asia/Shanghai', default: 'UTC' })),
  },
  'hour of day or day of week (one-hot), or age: log1p of the days since a field’s time, standardised',
);
const IdsFeature = object(
  {
    kind: Type.Literal('ids'),
    scope: Scope,
    from: Type.Optional(From),
    dim: Type.Optional(Dim),
    last: Type.Optional(HistoryLength('how many of the list’s last ids are used')),
    ...Admission,
  },
  'a list of ids (an array, or one text with spaces or commas), embedded and averaged',
);
const VectorFeature = object(
  {
    kind: Type.Literal('vector'),
    scope: Scope,
    from: Type.Optional(From),
    width: Type.Integer({
      minimum: 1,
      maximum: 4096,
      description: 'how many numbers; data of another width is refused, at serving it counts as unknown',
    }),
  },
  'a vector given with the request or item, of this width, e.g. an embedding of its text or image; used as it is',
);
const HistoryFeature = object(
  {
    kind: Type.Literal('history'),
    scope: word(['user'], { description: 'a history belongs to the user' }),
    key: Type.Optional({ ...Key, default: 'user_id' }),
    of: Type.String({ description: 'the candidate field that is remembered, e.g. item_id' }),
    on: Type.Optional(
      Type.String({
        description: 'the binary task whose positive outcome is remembered',
        default: 'every impression',
      }),
    ),
    last: Type.Optional(HistoryLength('how many of the newest ids are remembered')),
    dim: Type.Optional(Dim),
    feedback_delay: Type.Optional(Delay),
    ...Admission,
  },
  'the last ids a user met (with an outcome), embedded and averaged; state',
);
const RateFeature = object(
  {
    kind: Type.Literal('rate'),
    scope: Scope,
    key: Key,
    of: Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1 })], {
      description: 'tasks whose mean outcome is kept',
    }),
    half_life: Type.Optional(HalfLife),
    prior: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description: 'impressions’ worth of the overall rate mixed in; raise it where outcomes are rare',
        default: 20,
      }),
    ),
    feedback_delay: Type.Optional(Delay),
  },
  'smoothed, decayed mean outcome per key, and the logarithm of how much is known; state',
);
const CountFeature = object(
  {
    kind: Type.Literal('count'),
    scope: Scope,
    key: Key,
    of: Type.Optional(
      Type.String({ description: 'the binary task whose positives are counted', default: 'impressions' }),
    ),
    half_life: Type.Optional(HalfLife),
    feedback_delay: Type.Optional(Delay),
  },
  'decayed count of impressions or of a task’s positives per key, log1p, standardised; state',
);
const FeatureSchema = byKind(
  IdFeature,
  CategoryFeature,
  NumberFeature,
  TimeFeature,
  IdsFeature,
  VectorFeature,
  HistoryFeature,
  RateFeature,
  CountFeature,
);

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

const Optimizer = object(
  {
    kind: word(['adam', 'adagrad', 'sgd'], { description: 'adam unless you know better' }),
    rate: Type.Number({ exclusiveMinimum: 0, description: 'the learning rate; adam: 0.0003 to 0.003' }),
    schedule: Type.Optional(
      word(['constant', 'linear', 'cosine'], {
        description: 'how the rate goes: linear and cosine fall to 0 at the end, which usually helps',
        default: 'constant',
      }),
    ),
    decay_share: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1,
        description: 'the last share of training over which a linear or cosine schedule falls',
        default: 1,
      }),
    ),
    warmup_steps: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: 'steps over which the rate rises from 0; for large batches',
        default: 0,
      }),
    ),
  },
  'optimiser of the dense weights; adam with rate 0.001 if left out',
);
const EmbeddingOptimizer = object(
  {
    kind: word(['rowwise_adagrad', 'lazy_adam'], {
      description:
        'lazy_adam is the usual choice; rowwise_adagrad keeps one number of state per row, for tables that fill the memory',
    }),
    rate: Type.Number({
      exclusiveMinimum: 0,
      description: 'the learning rate; the schedule’s factor applies to it too',
    }),
  },
  'optimiser of embedding rows; lazy_adam with rate 0.001 if left out',
);
const TrainingSchema = object(
  {
    batch: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 65536, description: 'rows per step, in whole requests', default: 1024 }),
    ),
    epochs: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100,
        description: 'passes over the training part; ids overfit from the second on, unless reinitialise_embeddings',
        default: 1,
      }),
    ),
    patience: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'epochs without improvement before training stops; needs validation',
        default: 'epochs',
      }),
    ),
    validation: Type.Optional(
      Type.Union([duration('the last part of the log'), Type.Number({ minimum: 0, exclusiveMaximum: 1 })], {
        description:
          'the last part, by time (1d) or by share of requests (0.1), held out: never learned, it decides which epoch is kept',
        default: 'nothing',
      }),
    ),
    optimizer: Type.Optional(Optimizer),
    embeddings: Type.Optional(EmbeddingOptimizer),
    embedding_init: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, description: 'standard deviation of a new embedding row', default: 0.01 }),
    ),
    reinitialise_embeddings: Type.Optional(
      Type.Boolean({
        description: 'start every epoch with fresh embedding rows and keep the rest: makes 2 or 3 epochs worth while',
        default: false,
      }),
    ),
    averaging: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        exclusiveMaximum: 1,
        description: 'decay per step, such as 0.999, of a moving average of the weights, which is what is sealed',
        default: 'no average',
      }),
    ),
    weighting: Type.Optional(
      word(['fixed'], {
        description: 'how task losses are weighed against each other: by each task’s weight',
        default: 'fixed',
      }),
    ),
    weight_decay: Type.Optional(
      Type.Number({ minimum: 0, description: 'pulls dense weights to 0; try 0.00001 on small data', default: 0 }),
    ),
    embedding_penalty: Type.Optional(
      Type.Number({ minimum: 0, description: 'pulls the embedding rows of a batch to 0, likewise', default: 0 }),
    ),
    clip_norm: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description: 'largest norm of the dense weights’ gradient; 1 to 10 if training diverges',
        default: 'no limit',
      }),
    ),
    feedback_delay: Type.Optional({ ...Delay, default: '0s' }),
    timezone: Type.Optional(
      Type.String({ description: 'the IANA zone in which feedback_delay’s days begin', default: 'UTC' }),
    ),
    progressive_rate: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description: 'factor on the learning rates when a period is learned after it was predicted',
        default: 1,
      }),
    ),
    seed: Type.Optional(Type.Integer({ minimum: 0, description: 'of everything random', default: 1 })),
  },
  'how it is trained',
);

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
