import gammainc from '@stdlib/math-base-special-gammainc';
import normalCdf from '@stdlib/stats-base-dists-normal-cdf';
import normalInverse from '@stdlib/stats-base-dists-normal-quantile';
import studentCdf from '@stdlib/stats-base-dists-t-cdf';
import studentInverse from '@stdlib/stats-base-dists-t-quantile';

/** P(Z > z) of the standard normal; exact far out, where 1 - cdf is rounding. */
export const normalUpperTail = (z: number): number => normalCdf(-z, 0, 1);

/** The z with P(Z <= z) = p. */
export const normalQuantile = (p: number): number => normalInverse(p, 0, 1);

/** Beyond this many degrees t and normal agree to six digits, and t's series need not converge. */
const asGoodAsNormal = 1e6;

/** P(T > t) of Student's t; `degrees` need not be whole. */
export const studentUpperTail = (t: number, degrees: number): number =>
  degrees > asGoodAsNormal ? normalUpperTail(t) : studentCdf(-t, degrees);

/** The t with P(T <= t) = p. */
export const studentQuantile = (p: number, degrees: number): number =>
  degrees > asGoodAsNormal ? normalQuantile(p) : studentInverse(p, degrees);

/** P(X > x) of chi-square, from the upper incomplete gamma function. */
export const chiSquareUpperTail = (x: number, degrees: number): number =>
  x <= 0 ? 1 : gammainc(x / 2, degrees / 2, true, true);
