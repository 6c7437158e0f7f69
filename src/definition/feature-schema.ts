import { Type } from '@sinclair/typebox';
import { byKind, Delay, duration, object, word } from './schema-parts.js';

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
/** What is looked at, by kind. */
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
