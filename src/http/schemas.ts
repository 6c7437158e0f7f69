import { Type, type Static } from '@sinclair/typebox';
import type { FieldValue } from '../features/index.js';
import { fallbackReasons } from '../ranking/index.js';

/**
 * What goes over the wire. These schemas validate requests and are published in /openapi.json.
 * `fields: [names]` allows free fields beside the named ones (fields.ts).
 */
const Id = Type.Union(
  [
    Type.String({ minLength: 1, maxLength: 256 }),
    Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
  ],
  { description: 'a text or a whole number; 7 and "7" are the same id' },
);

type Free = Record<string, FieldValue>;

const ContextFields = Type.Unsafe<Free>({
  type: 'object',
  fields: [],
  description: 'fields of this request: device, page, …',
});
const UserFields = Type.Unsafe<Free & { id?: Static<typeof Id> }>({
  type: 'object',
  properties: { id: Id },
  fields: ['id'],
  description: 'who asks: an id, fields, or both, such as {"id": "u1"}; fields override what was put for this id',
});
const EntityFields = (description: string) =>
  Type.Unsafe<Free & { id: Static<typeof Id> }>({
    type: 'object',
    properties: { id: Id },
    required: ['id'],
    fields: ['id'],
    description,
  });

const RankerName = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'which ranker; the default one if left out',
});

export const RankBody = Type.Object(
  {
    ranker: Type.Optional(RankerName),
    user: Type.Optional(UserFields),
    context: Type.Optional(ContextFields),
    candidates: Type.Array(
      EntityFields('an id and fields, such as {"id": "v1"}; fields override what was put for this id'),
      {
        minItems: 1,
        description: 'what to rank; ids are unique',
      },
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 5000, description: 'how many to answer; all if left out' }),
    ),
    weights: Type.Optional(
      Type.Record(Type.String(), Type.Number(), {
        description: 'weights by head in place of the definition’s, within its bounds',
      }),
    ),
    explain: Type.Optional(Type.Boolean({ description: 'adds why each item has its score' })),
    time: Type.Optional(
      Type.Union([Type.Number(), Type.String({ maxLength: 64 })], {
        description:
          'when somebody asks: milliseconds since 1970 or an ISO text; only where requests say the time (--clock requests)',
      }),
    ),
    log: Type.Optional(
      Type.Boolean({
        description: 'false for a preview: the answer is not logged, so that nothing is learned from it',
      }),
    ),
  },
  {
    additionalProperties: false,
    examples: [
      {
        user: { id: 'u1' },
        context: { device: 'phone' },
        candidates: [{ id: 'v1', topic: 'music', duration: 30 }, { id: 'v2' }, { id: 'v3' }],
        limit: 2,
      },
    ],
  },
);

export const ClockBody = Type.Object(
  {
    time: Type.Union([Type.Number(), Type.String({ maxLength: 64 })], {
      description:
        'what time it is: milliseconds since 1970 or an ISO text; earlier than was said before changes nothing',
    }),
  },
  { additionalProperties: false, examples: [{ time: '2026-01-05T00:00:00Z' }] },
);
export const ClockReply = Type.Object({
  time: Type.Number({ description: 'what time it is, milliseconds since 1970' }),
});

const entityBody = (what: string, example: Record<string, unknown>) =>
  Type.Union(
    [EntityFields(`one ${what}`), Type.Array(EntityFields(`one ${what}`), { minItems: 1, maxItems: 10_000 })],
    {
      examples: [example],
    },
  );
export const ItemsBody = entityBody('item', { id: 'v1', author_id: 'a7', topic: 'music', duration: 30 });
export const UsersBody = entityBody('user', { id: 'u1', age_group: '20_to_34' });
export type EntityBody = Static<typeof ItemsBody>;

/** Events in one request. */
export const mostFeedback = 5000;

export const FeedbackEvent = Type.Object(
  {
    id: Type.Union(
      [
        Type.String({ minLength: 1, maxLength: 128 }),
        Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
      ],
      { description: 'a text or a whole number that names the event; sent again, it counts once' },
    ),
    requestId: Type.String({ minLength: 1, maxLength: 128, description: 'of the answer that showed the item' }),
    item: Id,
    kind: Type.String({
      minLength: 1,
      maxLength: 64,
      description:
        'click, watch (with seconds), like, dislike, dismiss, share, follow, rating (with value), or one that a ranker’s labels name',
    }),
    seconds: Type.Optional(Type.Number({ minimum: 0, maximum: 1e9, description: 'how long it was watched' })),
    value: Type.Optional(
      Type.Number({ minimum: -1e9, maximum: 1e9, description: 'the rating, or what a label is made of' }),
    ),
    user: Type.Optional(Id),
    time: Type.Optional(
      Type.Union([Type.Number(), Type.String({ maxLength: 64 })], {
        description: 'when it happened: milliseconds since 1970 or an ISO text; now if left out',
      }),
    ),
  },
  { additionalProperties: false },
);
export const FeedbackBody = Type.Union(
  [FeedbackEvent, Type.Array(FeedbackEvent, { minItems: 1, maxItems: mostFeedback })],
  {
    examples: [{ id: 'e1', requestId: 'r1', item: 'v1', kind: 'watch', seconds: 12.5, user: 'u1' }],
  },
);

const Problems = Type.Array(
  Type.Object({
    path: Type.String({ description: 'JSON pointer into what was sent' }),
    message: Type.String(),
    hint: Type.Optional(Type.String()),
  }),
);
export const FeedbackReply = Type.Object({
  accepted: Type.Integer({ minimum: 0, description: 'durable now' }),
  duplicates: Type.Integer({ minimum: 0, description: 'came before: they change nothing' }),
  refused: Type.Array(
    Type.Object({
      index: Type.Integer({ minimum: 0, description: 'place in what was sent, 0-based; blank lines do not count' }),
      id: Type.Optional(
        Type.Union([Type.String({ maxLength: 256 }), Type.Number()], { description: 'as it was sent, right or wrong' }),
      ),
      problems: Problems,
    }),
  ),
});

export const ActivateBody = Type.Object(
  { version: Type.String({ minLength: 1, maxLength: 128, description: 'a sealed version of the ranker' }) },
  { additionalProperties: false, examples: [{ version: '20260430T235959Z-ab12cd' }] },
);

const Values = Type.Record(Type.String(), Type.Unknown());
const Position = Type.Integer({ minimum: 1, description: '1-based' });

const ScoredItem = Type.Object({
  id: Id,
  position: Position,
  score: Type.Number(),
  heads: Type.Record(Type.String(), Type.Number(), { description: 'every predicted outcome, in natural units' }),
  explain: Type.Optional(
    Type.Object({
      parts: Type.Record(Type.String(), Type.Number(), { description: 'each head’s part of the score' }),
      gates: Type.Optional(Type.Record(Type.String(), Type.Array(Type.Number()))),
      features: Values,
    }),
  ),
});
const UnscoredItem = Type.Object(
  { id: Id, position: Position, scored: Type.Literal(false) },
  { description: 'could not be scored: comes after all that could, without a score' },
);

const Warnings = Type.Optional(
  Type.Array(
    Type.Object({
      field: Type.String(),
      where: Type.Union((['user', 'context', 'candidate'] as const).map((where) => Type.Literal(where))),
      message: Type.String(),
    }),
    {
      minItems: 1,
      maxItems: 10,
      description:
        'fields that no feature reads and values that a feature cannot use; one per field, left out where there are none',
    },
  ),
);

const Exploration = Type.Object(
  {
    share: Type.Number({ description: 'of requests ranked with noise on the score' }),
    temperature: Type.Number({ description: 'of the noise' }),
    swaps: Type.Number({ description: 'share of requests in which the first item may change places' }),
    drawn: Type.Union((['greedy', 'noise', 'swap'] as const).map((drawn) => Type.Literal(drawn))),
    swap: Type.Optional(Type.Object({ position: Type.Integer({ minimum: 2 }), swapped: Type.Boolean() })),
  },
  { description: 'how the order was varied; left out where it is by score for sure' },
);

export const RankReply = Type.Object({
  requestId: Type.String(),
  ranker: Type.String(),
  version: Type.String(),
  arms: Type.Record(Type.String(), Type.String(), {
    description: 'the arms that this answer was made under, by experiment',
  }),
  unassigned: Type.Optional(
    Type.Union(
      (['no_user', 'weights', 'user_unreadable', 'arm_unavailable'] as const).map((reason) => Type.Literal(reason)),
      {
        description:
          'why no arm applies: the request names no user or brings its own weights, what is stored of the user cannot be read, or what an arm names does not serve',
      },
    ),
  ),
  weights: Type.Record(Type.String(), Type.Number(), { description: 'the weights that were applied' }),
  warnings: Warnings,
  items: Type.Array(Type.Union([ScoredItem, UnscoredItem])),
  exploration: Type.Optional(Exploration),
  degraded: Type.Optional(
    Type.Array(Type.Literal('store'), {
      description:
        'what failed without failing the answer. store: stored fields could not be read, and old ones or defaults took their place',
    }),
  ),
  fallback: Type.Optional(
    Type.Object({
      reason: Type.Union(
        fallbackReasons.map((reason) => Type.Literal(reason)),
        {
          description:
            'why there are no scores. deadline_passed: they would have come too late; overloaded: too many rankings waited, so that nothing was read',
        },
      ),
      order: Type.Union([Type.Literal('rates'), Type.Literal('request')], {
        description: 'smoothed rates from the feature state, or the order of the request',
      }),
    }),
  ),
  explain: Type.Optional(
    Type.Object({ form: Type.Union([Type.Literal('product'), Type.Literal('sum')]), features: Values }),
  ),
});

export const PutReply = Type.Object({ accepted: Type.Integer({ minimum: 1 }), warnings: Warnings });

export const RankerReply = Type.Object({
  ranker: Type.String(),
  active: Type.Union([Type.String(), Type.Null()], { description: 'the sealed version that answers now' }),
  version: Type.Optional(
    Type.String({ description: 'the same with the deltas that were applied, as answers name it: <version>+<n>' }),
  ),
  delta: Type.Optional(Type.Integer({ minimum: 0, description: 'how many deltas were applied' })),
  learnedUntil: Type.Optional(
    Type.String({ description: 'ISO time: what happened before is learned, as far as it was known then' }),
  ),
  freshness: Type.Optional(
    Type.Object(
      { p50Seconds: Type.Number(), p95Seconds: Type.Number(), samples: Type.Integer() },
      { description: 'from feedback to the first scores of a model that learned from it, over the last deltas' },
    ),
  ),
  versions: Type.Array(Type.String()),
  device: Type.Optional(Type.String()),
  about: Type.Optional(Values),
  refused: Type.Optional(
    Type.Object({ version: Type.String(), code: Type.String(), reason: Type.String(), at: Type.String() }),
  ),
  pinned: Type.Optional(
    Type.Array(
      Type.Object({
        version: Type.String(),
        refused: Type.Optional(
          Type.Object({ version: Type.String(), code: Type.String(), reason: Type.String(), at: Type.String() }),
        ),
      }),
      { description: 'versions that arms name: they serve beside the active one, unless refused' },
    ),
  ),
  refusals: Type.Optional(
    Type.Array(Type.Object({ candidate: Type.String(), reason: Type.String(), at: Type.String() }), {
      description: 'what learning made and was not let into service, or was withdrawn, oldest first',
    }),
  ),
});
export const ExperimentsReply = Type.Object({
  source: Type.String({ description: 'a file, a host, or none' }),
  loadedAt: Type.Union([Type.String(), Type.Null()], { description: 'ISO time of the configuration that applies' }),
  experiments: Type.Array(Type.Object({ key: Type.String(), phase: Type.String(), arms: Type.Array(Type.String()) })),
  refused: Type.Optional(
    Type.Object(
      { at: Type.String(), problems: Type.Array(Type.String()) },
      { description: 'why the newest configuration was not taken' },
    ),
  ),
});

export const ModelsReply = Type.Object({ rankers: Type.Array(RankerReply) });

export const StatusReply = Type.Object({ status: Type.String() });
export const IndexReply = Type.Object({
  service: Type.String(),
  version: Type.String(),
  routes: Type.Array(Type.String()),
});

export const ErrorReply = Type.Object({
  error: Type.Object({
    code: Type.String({ description: 'one of docs/errors.md' }),
    message: Type.String(),
    retriable: Type.Boolean({ description: 'whether the same request may succeed later' }),
    problems: Problems,
  }),
  requestId: Type.String(),
});
