import { Type } from '@sinclair/typebox';
import { duration, Name, object, word } from './schema-parts.js';

/** What the stream needs beyond a log in files: when feedback counts, and how what is learned from it reaches the service. */
export const LabelSchema = object(
  {
    on: Type.Optional(
      Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })], {
        description: 'the kind of feedback, or kinds, that this label is made of',
        default: 'the task’s name',
      }),
    ),
    take: Type.Optional(
      word(['last', 'largest', 'sum'], {
        description: 'for regression: which value counts when there are several',
        default: 'last',
      }),
    ),
    wait: Type.Optional(
      duration(
        'feedback this long after the impression still counts; the row is learned after the longest wait',
        '10m',
      ),
    ),
    late: Type.Optional(
      word(['ignore', 'supplement', 'fake-negative-weighted'], {
        description:
          'what later feedback does: ignore: it is counted and dropped; supplement: the row is learned again with this label; fake-negative-weighted: the row is learned at once as a negative, again when the positive comes, and both are weighed so that this cancels out',
        default: 'ignore',
      }),
    ),
  },
  'how feedback from the stream becomes a task’s label',
);

const GateSchema = object(
  {
    rows: Type.Optional(
      Type.Integer({
        minimum: 50,
        description: 'rows of the newest window that a candidate is judged on; with fewer it is not judged by them',
        default: 2000,
      }),
    ),
    auc_drop: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, maximum: 1, description: 'largest loss of AUC of any head', default: 0.02 }),
    ),
    calibration: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description: 'largest |ln(mean prediction / mean label)| of any head beyond that of the active version',
        default: 0.5,
      }),
    ),
    label_shift: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description: 'largest change of a label’s log-odds, or of its mean in deviations, between windows',
        default: 1.5,
      }),
    ),
    feature_shift: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1,
        description: 'largest change of the share of rows in which a feature is missing, between windows',
        default: 0.5,
      }),
    ),
    latency: Type.Optional(
      Type.Number({
        exclusiveMinimum: 1,
        description: 'largest factor on the active version’s scoring time',
        default: 3,
      }),
    ),
  },
  'what a candidate must hold before it serves',
);

const Arm = Type.String({
  pattern: '^[^/]+/[^/]+$',
  description: 'an arm, written as experiment/arm, both keys as experiments.json has them',
});
const arms = (description: string) => Type.Array(Arm, { minItems: 1, uniqueItems: true, description });

const LearnedArmsSchema = object(
  {
    include: Type.Optional(arms('requests in one of these arms are learned, and no others')),
    exclude: Type.Optional(arms('requests in one of these arms are not learned')),
    weights: Type.Optional(
      Type.Record(
        Type.String(),
        Type.Number({
          exclusiveMinimum: 0,
          maximum: 10,
          description: 'a factor on what each row counts in the loss, more than 0 and at most 10',
        }),
        {
          minProperties: 1,
          description:
            'by arm, how much rows of its requests count in the loss; in several arms the factors multiply, in none of them a row counts 1',
        },
      ),
    ),
  },
  'by experiment arms, which rows are learned; feature state (histories, rates, counts) learns from all, because it says what people did, whoever ranked',
);

export const StreamSchema = object(
  {
    out_of_order: Type.Optional(
      duration('events may come this much later than others of their partition and still find their place', '2s'),
    ),
    late_for: Type.Optional(
      duration('how long after its wait feedback is still recognised as late', 'the longest wait'),
    ),
    batch_span: Type.Optional(
      duration('a batch is learned when it is full or spans this much of the log’s time', '2s'),
    ),
    publish: Type.Optional(duration('between updates of the serving model', '5s')),
    seal: Type.Optional(duration('between sealed versions', '1h')),
    checkpoint: Type.Optional(duration('between checkpoints of the learner', '30s')),
    forget: Type.Optional(duration('state of keys that had no outcome for this long is dropped', '90d')),
    arms: Type.Optional(LearnedArmsSchema),
    rankers: Type.Optional(
      Type.Array(Name, {
        minItems: 1,
        uniqueItems: true,
        description:
          'other rankers whose lists are learned from, too, where they were served with the same features; without, a ranker learns from its own',
      }),
    ),
    window: Type.Optional(
      Type.Integer({ minimum: 100, description: 'rows over which live measures are taken', default: 20000 }),
    ),
    gate: Type.Optional(GateSchema),
  },
  'learning from the event log',
);
