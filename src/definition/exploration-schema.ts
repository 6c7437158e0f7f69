import { Type, type Static } from '@sinclair/typebox';
import { object } from './schema-parts.js';

const share = (description: string) => Type.Number({ minimum: 0, maximum: 1, description, default: 0 });

/** How an order is varied so that the log can say what another order would have brought. */
export const ExplorationSchema = object(
  {
    share: Type.Optional(
      share('share of requests ranked with Gumbel noise on the score (Plackett-Luce sampling); 0.01 to 0.1 is usual'),
    ),
    temperature: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description:
          'of the noise, on the log of a product score or on a sum score as it is: candidates that differ by as much change places in 27 of 100 draws',
        default: 1,
      }),
    ),
    swaps: Type.Optional(
      share(
        'share of requests in which the first item may change places with one below, to measure how often each position is looked at',
      ),
    ),
  },
  'how the order of logged answers is varied where no arm of an experiment says otherwise; with their chances in the log, other weights can be judged before anybody sees them',
);

/** A request is varied in one way: what is wrong with the shares of both, if anything is. */
export const explorationProblem = ({
  share: noise = 0,
  swaps = 0,
}: Pick<Static<typeof ExplorationSchema>, 'share' | 'swaps'>):
  { readonly message: string; readonly hint: string } | undefined =>
  noise + swaps <= 1
    ? undefined
    : {
        message: `share and swaps are ${noise + swaps} together`,
        hint: 'a request is varied in one way: at most 1',
      };
