import type { Effect } from './difference.js';
import { studentUpperTail } from './distributions.js';
import { sequentialInterval, type SequentialOptions } from './sequential.js';

/** `held`: harm of the margin or more is ruled out; `broken`: it is shown; `unknown`: neither, so far. */
export type GuardrailState = 'held' | 'broken' | 'unknown';

export interface Guardrail {
  readonly state: GuardrailState;
  /** How bad it may be at worst, as a relative harm: the one-sided always-valid bound. */
  readonly worst: number;
  /** Of "the harm is the margin or more", one-sided, for one look. */
  readonly pValue: number;
}

/**
 * One-sided non-inferiority of a relative lift at a margin. The state goes by an always-valid bound, so that it may be looked
 * at every day; alpha is that of one side.
 */
export const guardrail = (
  effect: Effect,
  { margin, direction, ...options }: SequentialOptions & { readonly margin: number; readonly direction: 'up' | 'down' },
): Guardrail => {
  const sign = direction === 'up' ? 1 : -1;
  const better = { ...effect, value: sign * effect.value };
  const [low, high] = sequentialInterval(better, { ...options, alpha: 2 * options.alpha });
  const pValue =
    better.standardError === 0
      ? Number(better.value <= -margin)
      : studentUpperTail((better.value + margin) / better.standardError, better.degrees);
  return { state: low > -margin ? 'held' : high < -margin ? 'broken' : 'unknown', worst: Math.max(0, -low), pValue };
};
