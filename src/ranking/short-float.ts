const leastDigits = 6;
const mostDigits = 9;

/**
 * Of a float32, the number whose decimal is the shortest that is this float32 again: .1234567 in place of
 * 0.12345670163631439, which makes an answer a quarter shorter. Six digits and fewer always come back through a float32, and
 * nine always lead to it. What is not finite, below 1e-6 or from 1e6 on stays as it is.
 */
export const shortFloat = (value: number): number => {
  const size = Math.abs(value);
  if (!(size >= 1e-6 && size < 1e6)) return value;
  let scale = 10 ** (leastDigits - 1);
  for (let least = 1; size < least; least /= 10) scale *= 10;
  for (let most = 10; size >= most; most *= 10) scale /= 10;
  for (let digits = leastDigits; digits <= mostDigits; digits++, scale *= 10) {
    // A quotient of two whole numbers that doubles hold: the double nearest to the decimal, which is how it is printed.
    const short = Math.round(value * scale) / scale;
    if (Math.fround(short) === value) return short;
  }
  return value;
};
