import type { RankerDefinition } from '../definition/index.js';
import type { ArmSettings } from '../experiments/index.js';
import type { OrderPolicy } from '../policy/index.js';
import type { RankRequest } from './types.js';
import { resolveWeights } from './weights.js';

/** What one request is ranked by. */
export interface Rules {
  /** Of every head; 0 leaves one out. */
  readonly weights: Readonly<Record<string, number>>;
  readonly policy: OrderPolicy;
  /** How many items to answer at most. */
  readonly limit: number;
  /** The order of an answer that cannot be scored. */
  readonly fallback: NonNullable<ArmSettings['fallback']>;
}

/** Of noise, where nobody says. */
const standardTemperature = 1;

/**
 * The definition's rules, with the arms' in place of what they set, key by key. Heads that this ranker does not have are
 * passed over in the weights of arms; in the request's own they throw head_unknown, and bounds weight_out_of_bounds. What is
 * not `logged`, and what a request weighs itself, is looked at, not learned from: its order is not varied. If both say more
 * than the whole together, the share of noise goes first.
 */
export const rulesOf = (
  definition: RankerDefinition,
  settings: ArmSettings,
  { request, logged }: { readonly request: RankRequest; readonly logged: boolean },
): Rules => {
  const { score, tasks } = definition;
  const ofArms = Object.entries(settings.weights ?? {}).filter(([task]) => Object.hasOwn(tasks, task));
  const form = settings.form ?? score.form;
  const wanted = { ...score.exploration, ...settings.exploration };
  const varied = logged && request.weights === undefined;
  const share = varied ? (wanted.share ?? 0) : 0;
  const swaps = varied ? Math.min(wanted.swaps ?? 0, 1 - share) : 0;
  return {
    weights: resolveWeights(definition, request.weights ?? Object.fromEntries(ofArms)),
    policy: { form, share, temperature: wanted.temperature ?? standardTemperature, swaps },
    limit: Math.min(request.limit ?? Infinity, settings.limit ?? Infinity),
    fallback: settings.fallback ?? 'rates',
  };
};
