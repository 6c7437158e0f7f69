import { Command, CommanderError } from 'commander';
import { checkCommand } from './check.js';
import { demoCommand } from './demo.js';
import { evaluateCommand } from './evaluate.js';
import { experimentCommand } from './experiment.js';
import { examinationCommand } from './examination.js';
import { exportCommand } from './export.js';
import { inspectCommand } from './inspect.js';
import { learnCommand } from './learn.js';
import { logCommand } from './log.js';
import { joinCommand } from './join.js';
import { printError } from './output.js';
import { replayCommand } from './replay.js';
import { schemaCommand } from './schema.js';
import { serveCommand } from './serve.js';
import { simulateCommand } from './simulate.js';
import { studyCommand } from './study.js';
import { trainCommand } from './train.js';
import { tuneCommand } from './tune.js';
import { worldCommand } from './world.js';
import { softwareVersion } from '../src/version.js';

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

for (const command of [
  checkCommand(),
  trainCommand(),
  evaluateCommand(),
  serveCommand(),
  joinCommand(),
  learnCommand(),
  experimentCommand(),
  tuneCommand(),
  replayCommand(),
  logCommand(),
  inspectCommand(),
  examinationCommand(),
  exportCommand(),
  simulateCommand(),
  worldCommand(),
  studyCommand(),
  schemaCommand(),
  demoCommand(),
]) {
  program.addCommand(command.exitOverride());
}

try {
  await program.parseAsync();
} catch (error) {
  // Commander has printed its own message: help and version end well, anything else is a slip in the arguments.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else process.exitCode = printError(error, { json: process.argv.includes('--json') });
}
