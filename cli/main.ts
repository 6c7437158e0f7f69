import '../src/no-telemetry.js';
import { Command, CommanderError } from 'commander';
import { WatchnextError } from '../src/errors.js';
import { softwareVersion } from '../src/version.js';
import { printError } from './output.js';
import { isInstalled, listedVerb, loadVerb, verbs } from './verbs.js';

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
  const [first, second] = process.argv.slice(2);
  const name = first === 'help' ? second : first;
  const called = verbs.find((verb) => verb.name === name);
  if (called === undefined) for (const verb of verbs.filter(isInstalled)) program.addCommand(listedVerb(verb));
  else if (isInstalled(called)) program.addCommand((await loadVerb(called)).exitOverride());
  else throw leftOut(called.name);
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
