import { Type } from '@sinclair/typebox';

/** Where experiments come from. */
export const experimentsSettings = {
  experiments: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'file of experiments in GrowthBook’s payload format; changes apply while it serves',
    }),
  ),
  experimentsHost: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s@]+$',
      description:
        'GrowthBook’s API or proxy that experiments come from instead, such as https://cdn.growthbook.io; without a name and password',
    }),
  ),
  experimentsClientKey: Type.Optional(
    Type.String({ minLength: 1, description: 'of the SDK connection at that host', secret: true }),
  ),
  experimentsTesters: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'beside a host: file of who gets which arm by hand, {userId: {experiment: arm}}',
    }),
  ),
  experimentsPollMs: Type.Integer({
    minimum: 50,
    maximum: 3_600_000,
    default: 2000,
    description: 'how often experiments are looked up',
  }),
  experimentsLastGood: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'file that keeps the last good experiments and which phases began; if left out, experiments.json in the folder of the log, or with Kafka of the spool',
    }),
  ),
};
