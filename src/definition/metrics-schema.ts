import { Type } from '@sinclair/typebox';
import { object, word } from './schema-parts.js';

/** What experiments are judged by. */
export const MetricSchema = object(
  {
    of: Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })], {
      description: 'the kind of feedback, or kinds, that it is made of',
    }),
    take: word(['count', 'sum', 'mean', 'any'], {
      description:
        'count: how often; sum: the values together, such as seconds watched; mean: the mean value; any: 1 if it happened at all, however often',
    }),
    per: Type.Optional(
      word(['user', 'request', 'impression', 'event'], {
        description:
          'for each user of an arm, each list they were answered, each item they were shown, or each feedback (a mean, which is never per anything else)',
        default: 'user',
      }),
    ),
    several: Type.Optional(
      word(['each', 'last', 'largest'], {
        description:
          'which counts when a shown item got it several times: each by itself, or only the last or the largest value, as for seconds that are sent while somebody watches',
        default: 'each',
      }),
    ),
    over: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'a candidate field that each value is divided by, such as duration: seconds watched become the part watched',
      }),
    ),
    direction: word(['up', 'down'], { description: 'what is better' }),
    guardrail: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        exclusiveMaximum: 1,
        description:
          'an arm may be worse by less than this part of the control’s mean: 0.02 is 2 %; the report says whether that is shown',
        default: 'no guardrail',
      }),
    ),
  },
  'what experiments are compared by: made of feedback, per user or as a ratio',
);
