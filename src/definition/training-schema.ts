import { Type } from '@sinclair/typebox';
import { Delay, duration, object, word } from './schema-parts.js';

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
/** How it is trained. */
export const TrainingSchema = object(
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
