import { InvalidArgumentError, Option, type Command } from 'commander';
import { positiveNumber, wholeNumber } from '../cli/arguments.js';
import { parseRate, standardOptions, type LoadOptions, type Rate } from './options.js';

/** What the commands here have in common, as commander gives it. */
export interface CommonFlags {
  readonly seconds?: number;
  readonly rate: Rate;
  readonly definition?: string;
  readonly ranker?: string;
  readonly candidates: number;
  readonly users: number;
  readonly items: number;
  readonly exponent: number;
  readonly arrivals: 'poisson' | 'uniform';
  readonly connections: number;
  readonly seed: number;
  readonly set?: Readonly<Record<string, string>>;
  readonly quick?: boolean;
  readonly json?: boolean;
}

const rate = (text: string): Rate => {
  const parsed = parseRate(text);
  if (parsed === undefined) throw new InvalidArgumentError('must be requests a second (120) or a share (50%).');
  return parsed;
};
const exponent = (text: string): number => {
  const value = Number(text);
  if (!(value >= 0 && value <= 5)) throw new InvalidArgumentError('must be a number from 0 (uniform) to 5.');
  return value;
};
const setting = (text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> => {
  const [, name, value] = /^([a-z][a-z-]*)=(.+)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError('must be a setting and its value: workers=2.');
  return { ...before, [name]: value };
};

export const withCommonFlags = (command: Command): Command => {
  const { candidates, users, items, exponent: shape, connections, seed, arrivals } = standardOptions;
  return command
    .addOption(
      new Option('--rate <rate>', 'what the steady parts hold: requests a second, or a share of saturation')
        .argParser(rate)
        .default({ share: 0.5 } satisfies Rate, '50%'),
    )
    .option('--seconds <n>', 'length of each scenario’s main part, in place of its own', positiveNumber)
    .option('--quick', 'shorter phases: to see that something broke, not to quote')
    .option('--ranker <name>', 'whose definition under models/ is served; kuairand if left out')
    .option('--definition <file>', 'a ranker.yaml, in place of --ranker')
    .option('--candidates <n>', 'of one request', positiveNumber, candidates)
    .option('--users <n>', 'who may ask', positiveNumber, users)
    .option('--items <n>', 'what may be asked for', positiveNumber, items)
    .option('--exponent <n>', 'of the Zipf distribution of users and items; 0 is uniform', exponent, shape)
    .addOption(
      new Option('--arrivals <process>', 'gaps as independent people make them, or even ones')
        .choices(['poisson', 'uniform'])
        .default(arrivals),
    )
    .option('--connections <n>', 'to the service at most', positiveNumber, connections)
    .option('--set <name=value>', 'a setting of the service (workers=2); may be given again', setting)
    .option('--seed <n>', 'one seed, the same requests at the same times', wholeNumber, seed)
    .option('--json', 'one JSON object on stdout');
};

export const optionsOf = (flags: CommonFlags, root: string): LoadOptions => {
  const { definition, ranker, seconds, quick = false, set = {} } = flags;
  const { rate: held, candidates, users, items, exponent: shape, arrivals, connections, seed } = flags;
  return {
    ...{ rate: held, candidates, users, items, exponent: shape, arrivals, connections, seed, quick, root },
    ...(seconds !== undefined && { seconds }),
    definition: definition ?? (ranker === undefined ? standardOptions.definition : `models/${ranker}/ranker.yaml`),
    settings: set,
  };
};
