import type { OrderPolicy } from '../../src/policy/index.js';

/** By score alone, but for what is said. */
export const policyOf = (over: Partial<OrderPolicy> = {}): OrderPolicy => ({
  form: 'sum',
  share: 0,
  temperature: 1,
  swaps: 0,
  ...over,
});
