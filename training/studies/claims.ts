import type { Effect } from './effects.js';
import { signOf, type Interval } from './intervals.js';
import type { MeasureName } from './tally.js';

/** Something that was published, as a sign that can be looked for. */
export interface Claim {
  /** For people: what is said to be better than what. */
  readonly says: string;
  readonly arm: string;
  readonly control: string;
  readonly measure: MeasureName;
  readonly direction: 'up' | 'down';
  /** A share: 0.002 is +0.20 %. */
  readonly published: number;
  /** Not printed, but follows from two numbers that are. */
  readonly derived?: boolean;
}

export type Verdict = 'follows' | 'opposite' | 'open';

export interface JudgedClaim extends Claim {
  readonly verdict: Verdict;
  /** Whether the interval leaves no room for a difference as large as the published one. */
  readonly ruledOut: boolean;
  readonly effect: Effect;
}

/** Whether what was found has the published sign: `open` where the interval of the expected difference holds 0. */
export const judgeClaims = (claims: readonly Claim[], effects: readonly Effect[]): JudgedClaim[] =>
  claims.map((claim) => {
    const effect = effects.find(
      ({ arm, control, measure }) => arm === claim.arm && control === claim.control && measure === claim.measure,
    );
    if (effect === undefined) throw new RangeError(`no effect of ${claim.arm} on ${claim.measure}`);
    const sign = signOf(effect.expected);
    const verdict = sign === undefined ? 'open' : sign === claim.direction ? 'follows' : 'opposite';
    return { ...claim, verdict, ruledOut: !holds(effect.expected, claim.published), effect };
  });

const holds = ({ low, high }: Interval, value: number): boolean =>
  low === null || high === null || (low <= value && value <= high);

/** For people, plainly where something is not as published. */
export const verdictText = ({ verdict, ruledOut }: Pick<JudgedClaim, 'verdict' | 'ruledOut'>): string => {
  const size = ruledOut ? '; one of the published size is ruled out here' : '';
  if (verdict === 'opposite') return '**is the other way round here**';
  if (verdict === 'open') return `**does not show here**: the interval holds 0${size}`;
  return `shows here too${ruledOut ? ', of another size' : ''}`;
};
