import { WatchnextError } from '../../errors.js';
import type { FeatureFit } from '../types.js';

/** Fitted numbers by name, of the length that the definition asks for; anything else is a damaged or foreign artefact. */
export function fittedNumbers(fit: FeatureFit, name: string, length: number): readonly number[] {
  const numbers: unknown = fit[name];
  if (Array.isArray(numbers) && numbers.length === length && numbers.every((number) => Number.isFinite(number))) {
    return numbers as number[];
  }
  throw new WatchnextError('artifact_damaged', `Fitted parameters lack ${length} finite number(s) ${name}.`, {
    problems: [{ path: name, message: 'does not fit the definition', hint: 'train again with this definition' }],
  });
}
