import { Command, CommanderError } from 'commander';
import { WatchnextError } from '../src/errors.js';
import { softwareVersion } from '../src/version.js';
import { printError } from './output.js';

/**
 * Commands in the order of --help. Only the one that is called is loaded: the service starts without training's packages,
 * and runs where they are not installed.
 */
const verbs: Readonly<Record<string, () => Promise<Command>>> = {
  check: async () => (await import('./check.js')).checkCommand(),
  train: async () => (await import('./train.js')).trainCommand(),
  evaluate: async () => (await import('./evaluate.js')).evaluateCommand(),
  serve: async () => (await import('./serve.js')).serveCommand(),
  key: async () => (await import('./key.js')).keyCommand(),
  health: async () => (await import('./health.js')).healthCommand(),
  join: async () => (await import('./join.js')).joinCommand(),
  learn: async () => (await import('./learn.js')).learnCommand(),
  experiment: async () => (await import('./experiment.js')).experimentCommand(),
  tune: async () => (await import('./tune.js')).tuneCommand(),
  replay: async () => (await import('./replay.js')).replayCommand(),
  log: async () => (await import('./log.js')).logCommand(),
  inspect: async () => (await import('./inspect.js')).inspectCommand(),
  examination: async () => (await import('./examination.js')).examinationCommand(),
  export: async () => (await import('./export.js')).exportCommand(),
  simulate: async () => (await import('./simulate.js')).simulateCommand(),
  world: async () => (await import('./world.js')).worldCommand(),
  study: async () => (await import('./study.js')).studyCommand(),
  schema: async () => (await import('./schema.js')).schemaCommand(),
  metrics: async () => (await import('./metrics.js')).metricsCommand(),
  demo: async () => (await import('./demo.js')).demoCommand(),
};

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
    if (command !== undefined) program.addCommand(command.exitOverride());
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
