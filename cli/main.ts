import '../src/no-telemetry.js';
import { Command, CommanderError } from 'commander';
import { WatchnextError } from '../src/errors.js';
import { softwareVersion } from '../src/version.js';
import { nameHint } from '../src/nearest.js';
import { printError, printErrorJson } from './output.js';
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
  if (first === 'help' && called === undefined && /^(?!help$)[^-]/.test(second ?? '')) throw unknownCommand(name ?? '');
  if (called === undefined) for (const verb of verbs.filter(isInstalled)) program.addCommand(listedVerb(verb));
  else if (isInstalled(called)) program.addCommand(await loadVerb(called));
  else throw leftOut(called.name);
  await program.parseAsync();
} catch (error) {
  // Commander has printed its own message: help and version end well, anything else is a slip in the arguments.
  const json = process.argv.includes('--json');
  if (!(error instanceof CommanderError)) process.exitCode = printError(error, { json });
  else if (error.exitCode !== 0) {
    process.exitCode = 2;
    const slip = error.code === 'commander.help' ? 'a command is missing' : error.message.replace(/^error: /, '');
    if (json) printErrorJson('usage', slip);
  }
}

function unknownCommand(name: string): WatchnextError {
  const hint = nameHint(
    name,
    verbs.filter(isInstalled).map((verb) => verb.name),
  );
  return new WatchnextError('usage', `There is no command ${name}.`, {
    problems: [{ path: name, message: 'is no command', hint }],
  });
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
