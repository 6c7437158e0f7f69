import { Command, CommanderError } from 'commander';
import { WatchnextError } from '../src/errors.js';
import { softwareVersion } from '../src/version.js';
import { withLegibleHelp } from './help.js';
import { printError } from './output.js';
import { verbs } from './verbs.js';

/** Undefined where the command belongs to a part, or needs a package, that this installation leaves out. */
const load = (verb: string): Promise<Command | undefined> | undefined =>
  verbs[verb]?.().catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  });

// A reader that has seen enough (`| head`) ends the command quietly.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const program = new Command('watchnext')
  .description('Ranks what to watch next by predicted engagement and satisfaction, from a definition in YAML and SQL.')
  .version(softwareVersion())
  .showHelpAfterError('(add --help for what is allowed)')
  .showSuggestionAfterError()
  .exitOverride();

try {
  const called = process.argv[2] ?? '';
  const known = Object.hasOwn(verbs, called);
  // Help, and a name that there is not, want to know them all.
  for (const verb of known ? [called] : Object.keys(verbs)) {
    const command = await load(verb);
    if (command !== undefined) program.addCommand(withLegibleHelp(command).exitOverride());
    else if (known) throw leftOut(verb);
  }
  await program.parseAsync();
} catch (error) {
  // Commander has printed its own message: help and version end well, anything else is a slip in the arguments.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else process.exitCode = printError(error, { json: process.argv.includes('--json') });
}

function leftOut(verb: string): WatchnextError {
  return new WatchnextError('usage', `watchnext ${verb} is not in this installation: it has the service alone.`, {
    problems: [
      {
        path: verb,
        message: 'needs training and its packages',
        hint: 'run it from a full installation, or in the image that is built with --target learner',
      },
    ],
  });
}
