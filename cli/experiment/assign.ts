import { Command, InvalidArgumentError } from 'commander';
import { loadConfiguration } from '../../src/experiments/index.js';
import { formatTable, print } from '../output.js';

interface AssignFlags {
  readonly user: string;
  readonly attributes?: Readonly<Record<string, unknown>>;
  readonly json?: boolean;
}

const attributesOf = (text: string): Readonly<Record<string, unknown>> => {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new InvalidArgumentError('must be a JSON object, such as \'{"country": "DE"}\'.');
};

export const assignCommand = (): Command =>
  new Command('assign')
    .description('print which arms a user falls into, and what they set')
    .argument('<file>', 'experiments in GrowthBook’s payload format')
    .requiredOption('--user <id>', 'the user’s id')
    .option('--attributes <json>', 'fields of the user and the context, for targeting', attributesOf)
    .option('--json', 'one JSON object on stdout')
    .addHelpText(
      'after',
      `
Examples:
  $ watchnext experiment assign models/demo/experiments.json --user 42
  $ watchnext experiment assign experiments.json --user 42 --attributes '{"country": "DE"}' --json`,
    )
    .action(async (file: string, { user, attributes = {}, json }: AssignFlags) => {
      const { assign, experiments } = await loadConfiguration(file);
      const { arms, settings, exposed } = assign({ userId: user, attributes });
      if (json === true) {
        print(JSON.stringify({ user, arms, settings, exposed }));
        return;
      }
      const rows = experiments.map(({ key, phase }) => {
        const reported = exposed.some(({ experiment }) => experiment === key);
        return [
          key,
          phase,
          arms[key] ?? 'not in it',
          arms[key] !== undefined && !reported ? 'tester: in no report' : '',
        ];
      });
      print(rows.length === 0 ? `${file} has no experiments` : formatTable(['experiment', 'phase', 'arm', ''], rows));
      print(`\nsets ${JSON.stringify(settings)}`);
    });
