import { InvalidArgumentError } from 'commander';
import { WatchnextError, type Problem } from '../../src/errors.js';
import { weightProblems, type RankerDefinition } from '../../src/definition/index.js';

/** A number from 0 to 1. */
export const share = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('must be a number from 0 to 1.');
  return value;
};

/** A number over 0. */
export const over0 = (text: string): number => {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('must be a number over 0.');
  return value;
};

/** `click=1,like=0.5` */
export const weightList = (text: string): Readonly<Record<string, number>> =>
  Object.fromEntries(
    text.split(',').map((part) => {
      const [head = '', value = ''] = part.split('=').map((side) => side.trim());
      if (head === '' || value === '' || !Number.isFinite(Number(value)))
        throw new InvalidArgumentError('must be like click=1,like=0.5.');
      return [head, Number(value)];
    }),
  );

export interface ArmPlace {
  readonly file: string;
  readonly experiment: string;
  readonly arm: string;
}

/** `experiments.json:experiment/arm`; file names may hold colons, keys may not. */
export const armPlace = (text: string): ArmPlace => {
  const found = /^(?<file>.+):(?<experiment>[^:/]+)\/(?<arm>[^:/]+)$/.exec(text)?.groups;
  if (found === undefined) throw new InvalidArgumentError('must be like experiments.json:experiment/arm.');
  const { file = '', experiment = '', arm = '' } = found;
  return { file, experiment, arm };
};

/** [tasks] the definition’s weights with others in their place; throws `usage` with all that is wrong with those. */
export const weightsOf = (definition: RankerDefinition, wanted: Readonly<Record<string, number>> = {}): number[] => {
  const { unknown, outside } = weightProblems(definition, wanted, '--weights');
  const problems: readonly Problem[] = [...unknown, ...outside];
  if (problems.length > 0)
    throw new WatchnextError('usage', `Ranker ${definition.name} does not allow these weights.`, { problems });
  return Object.keys(definition.tasks).map((task) => wanted[task] ?? definition.score.weights[task] ?? 0);
};
