import { Type, type Static, type TObject, type TProperties, type TSchema, type TUnsafe } from '@sinclair/typebox';

/**
 * The one schema of ranker.yaml: the TypeScript types, the JSON Schema for editors and the validator all come from here.
 * Keys are snake_case because people write them in YAML.
 */
const object = <P extends TProperties>(properties: P, description: string): TObject<P> =>
  Type.Object(properties, { additionalProperties: false, description });

/** One of a few words: an enum, so that an error can list what is allowed. */
const word = <const W extends readonly string[]>(words: W, description?: string): TUnsafe<W[number]> =>
  Type.Unsafe<W[number]>({ type: 'string', enum: [...words], ...(description === undefined ? {} : { description }) });

/** An object told apart by its `kind`: validators then report errors of the kind meant, not of all. */
const byKind = <S extends TSchema[]>(...kinds: S): TUnsafe<Static<S[number]>> =>
  Type.Unsafe<Static<S[number]>>({
    type: 'object',
    discriminator: { propertyName: 'kind' },
    required: ['kind'],
    oneOf: kinds,
  });

const Name = Type.String({ pattern: '^[a-z][a-z0-9_]*$', description: 'lower-case letters, digits and underscores' });
/** A map from names the owner chooses. */
const named = <S extends TSchema>(schema: S): TUnsafe<Record<string, Static<S>>> =>
  Type.Unsafe<Record<string, Static<S>>>(Type.Record(Name, schema, { minProperties: 1, additionalProperties: false }));

const Duration = Type.String({ pattern: '^\\d+(ms|s|m|h|d)$', description: 'a duration such as 30s, 15m, 6h or 3d' });
const Scope = word(
  ['user', 'context', 'candidate'],
  'whose field it is; user and context are computed once per request, candidate once per row',
);
const Dim = Type.Integer({ minimum: 1, maximum: 512, description: 'width of an embedding row' });
const From = Type.String({ minLength: 1, description: 'the field to read; the feature’s own name if left out' });
const Key = Type.Union(
  [Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 2 })],
  {
    description: 'one field, or two fields, whose values key the state, e.g. item_id or [user_id, author_id]',
  },
);
const Delay = Type.String({
  pattern: '^\\d+(ms|s|m|h|d)$',
  description:
    'when feedback becomes visible to state: at the next multiple of this duration (1d: the next midnight), 0s at once',
});
const Admission = {
  min_count: Type.Optional(
    Type.Integer({ minimum: 1, description: 'sightings before an id gets its own row; 1 if left out' }),
  ),
  expire: Type.Optional(Duration),
  shares: Type.Optional(Type.String({ description: 'the feature whose embedding table this one uses too' })),
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
    transform: Type.Optional(word(['none', 'log1p'])),
    encode: Type.Optional(word(['standardise', 'raw', 'quantiles'])),
    buckets: Type.Optional(
      Type.Integer({ minimum: 2, maximum: 256, description: 'for encode: quantiles; one-hot width' }),
    ),
    min: Type.Optional(Type.Number()),
    max: Type.Optional(Type.Number()),
    default: Type.Optional(
      Type.Number({ description: 'used when the field is missing; the training mean if left out' }),
    ),
  },
  'a number: standardised (the default), raw, or one-hot over its training quantiles',
);
const TimeFeature = object(
  {
    kind: Type.Literal('time'),
    scope: Scope,
    unit: word(['hour_of_day', 'day_of_week', 'age']),
    from: Type.Optional(
      Type.String({ description: 'for age: the field with the start time; otherwise the request’s own time is used' }),
    ),
    timezone: Type.Optional(Type.String({ description: 'an IANA zone such as Asia/Shanghai; UTC if left out' })),
  },
  'hour of day or day of week (one-hot), or age: log1p of the days since a field’s time, standardised',
);
const IdsFeature = object(
  {
    kind: Type.Literal('ids'),
    scope: Scope,
    from: Type.Optional(From),
    dim: Type.Optional(Dim),
    last: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1000,
        description: 'how many of the list’s last ids are used; 50 if left out',
      }),
    ),
    ...Admission,
  },
  'a list of ids (an array, or one text with spaces or commas), embedded and averaged',
);
const VectorFeature = object(
  {
    kind: Type.Literal('vector'),
    scope: Scope,
    from: Type.Optional(From),
    width: Type.Integer({ minimum: 1, maximum: 4096 }),
  },
  'a vector given with the request or item, of this width',
);
const HistoryFeature = object(
  {
    kind: Type.Literal('history'),
    scope: word(['user'], 'a history belongs to the user'),
    key: Type.Optional(Key),
    of: Type.String({ description: 'the candidate field that is remembered, e.g. item_id' }),
    on: Type.Optional(
      Type.String({
        description: 'the binary task whose positive outcome is remembered; every impression if left out',
      }),
    ),
    last: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
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
    half_life: Type.Optional(Duration),
    prior: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description: 'impressions’ worth of the overall rate mixed in; 20 if left out',
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
      Type.String({ description: 'the binary task whose positives are counted; impressions if left out' }),
    ),
    half_life: Type.Optional(Duration),
    feedback_delay: Type.Optional(Delay),
  },
  'decayed count of impressions or of a task’s positives per key, log1p, standardised; state',
);
export const FeatureSchema = byKind(
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

export const TaskSchema = object(
  {
    group: Type.Optional(word(['engagement', 'satisfaction'])),
    kind: word(['binary', 'regression']),
    label: Type.String({ minLength: 1, description: 'the field of the data set that holds the outcome' }),
    transform: Type.Optional(word(['none', 'log1p'], 'for regression; undone in the served value')),
    when: Type.Optional(
      Type.String({ description: 'a binary task: this one is learned only from rows where that one is positive' }),
    ),
    weight: Type.Optional(Type.Number({ minimum: 0, description: 'weight of the loss; 1 if left out' })),
  },
  'one predicted outcome: a head of the network',
);

const Widths = Type.Array(Type.Integer({ minimum: 1, maximum: 8192 }), { description: 'widths of the dense layers' });
const Share = Type.Number({ minimum: 0, exclusiveMaximum: 1 });
export const NetworkSchema = object(
  {
    kind: word(['independent', 'shared_bottom', 'mmoe']),
    bottom: Type.Optional(Widths),
    experts: Type.Optional(Type.Integer({ minimum: 2, maximum: 64, description: 'mmoe: how many; 8 if left out' })),
    expert_layers: Type.Optional(Widths),
    towers: Type.Optional(Widths),
    gate_dropout: Type.Optional(Share),
    dropout: Type.Optional(Share),
    input_dropout: Type.Optional(Share),
  },
  'the network: independent (one per task), shared_bottom, or mmoe (experts mixed by a gate per task)',
);

export const BiasSchema = object(
  {
    features: Type.Array(Type.String(), {
      minItems: 1,
      description:
        'position, and category features with listed values; they are crossed, every combination has a weight per task',
    }),
    positions: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1000,
        description: 'positions told apart; later ones count as the last; 40 if left out',
      }),
    ),
    dropout: Type.Optional(Share),
    tasks: Type.Optional(
      Type.Array(Type.String(), { minItems: 1, description: 'tasks it is added to; all binary tasks if left out' }),
    ),
  },
  'a shallow tower for what the screen, not the candidate, explains; trained with, served without',
);

export const ScoreSchema = object(
  {
    form: word(['product', 'sum']),
    weights: named(Type.Number()),
    bounds: Type.Optional(named(Type.Tuple([Type.Number(), Type.Number()]))),
  },
  'how head values become one score: prod value^weight, or sum weight*value; bounds limit what a request may ask for',
);

const Optimizer = object(
  {
    kind: word(['adam', 'adagrad', 'sgd']),
    rate: Type.Number({ exclusiveMinimum: 0 }),
    schedule: Type.Optional(word(['constant', 'linear', 'cosine'])),
    decay_share: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1,
        description:
          'the last share of training over which a linear or cosine schedule falls; 1, all of it, if left out',
      }),
    ),
    warmup_steps: Type.Optional(Type.Integer({ minimum: 0 })),
  },
  'optimiser of the dense weights',
);
const EmbeddingOptimizer = object(
  {
    kind: word(['rowwise_adagrad', 'lazy_adam']),
    rate: Type.Number({ exclusiveMinimum: 0 }),
  },
  'optimiser of embedding rows',
);
export const TrainingSchema = object(
  {
    batch: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 65536, description: 'rows per step, in whole requests; 1024 if left out' }),
    ),
    epochs: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
    patience: Type.Optional(
      Type.Integer({ minimum: 1, description: 'epochs without improvement before training stops' }),
    ),
    validation: Type.Optional(
      Type.Union([Duration, Share], {
        description: 'the last part, by time or by share of requests, held out for early stopping',
      }),
    ),
    optimizer: Type.Optional(Optimizer),
    embeddings: Type.Optional(EmbeddingOptimizer),
    embedding_init: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, description: 'standard deviation of a new embedding row; 0.01 if left out' }),
    ),
    reinitialise_embeddings: Type.Optional(
      Type.Boolean({ description: 'start every epoch with fresh embedding rows and keep the rest' }),
    ),
    averaging: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        exclusiveMaximum: 1,
        description: 'decay of a moving average of the weights, which is what is sealed',
      }),
    ),
    weighting: Type.Optional(word(['fixed'], 'how task losses are weighed against each other')),
    weight_decay: Type.Optional(Type.Number({ minimum: 0 })),
    embedding_penalty: Type.Optional(Type.Number({ minimum: 0 })),
    clip_norm: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
    feedback_delay: Type.Optional(Delay),
    timezone: Type.Optional(Type.String({ description: 'zone in which feedback_delay’s days begin; UTC if left out' })),
    progressive_rate: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description: 'factor on the learning rates when a period is learned after it was predicted',
      }),
    ),
    seed: Type.Optional(Type.Integer({ minimum: 0 })),
  },
  'how it is trained',
);

export const RankerSchema = object(
  {
    name: Name,
    description: Type.Optional(Type.String()),
    features: named(FeatureSchema),
    tasks: named(TaskSchema),
    network: NetworkSchema,
    bias: Type.Optional(BiasSchema),
    score: ScoreSchema,
    training: Type.Optional(TrainingSchema),
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
