import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { withLegibleHelp } from './help.js';

/** A command of the program. Its module, with every package that it needs, is loaded when it is called, not before. */
export interface Verb {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Command>;
  /** Not in an installation that has the service alone. */
  readonly needsTraining?: true;
}

/** In the order of --help. */
export const verbs: readonly Verb[] = [
  {
    name: 'check',
    summary: 'validate a definition; print features with widths, parameters and multiplications',
    load: async () => (await import('./check.js')).checkCommand(),
    needsTraining: true,
  },
  {
    name: 'train',
    summary: 'train a ranker on logs and seal a version',
    load: async () => (await import('./train.js')).trainCommand(),
    needsTraining: true,
  },
  {
    name: 'evaluate',
    summary: 'train on what is before a time and score what comes after it',
    load: async () => (await import('./evaluate.js')).evaluateCommand(),
    needsTraining: true,
  },
  {
    name: 'serve',
    summary: 'serve the active version of every ranker over HTTP',
    load: async () => (await import('./serve.js')).serveCommand(),
  },
  {
    name: 'key',
    summary: 'make, list and revoke the API keys of a service',
    load: async () => (await import('./key.js')).keyCommand(),
  },
  {
    name: 'health',
    summary: 'ask the service on this machine whether traffic should come to it',
    load: async () => (await import('./health.js')).healthCommand(),
  },
  {
    name: 'join',
    summary: 'join feedback to what was shown, apart from the learner: writes the topic examples',
    load: async () => (await import('./join.js')).joinCommand(),
  },
  {
    name: 'learn',
    summary: 'learn on from the event log, and bring what is learned to the running service',
    load: async () => (await import('./learn.js')).learnCommand(),
    needsTraining: true,
  },
  {
    name: 'experiment',
    summary: 'check experiments before they apply, see who falls into which arm, plan them and read them',
    load: async () => (await import('./experiment.js')).experimentCommand(),
    needsTraining: true,
  },
  {
    name: 'tune',
    summary: 'choose the weights of the score from a log with exploration, before anybody sees them',
    load: async () => (await import('./tune.js')).tuneCommand(),
    needsTraining: true,
  },
  {
    name: 'replay',
    summary: 'recompute an answer from what was logged, bit for bit',
    load: async () => (await import('./replay.js')).replayCommand(),
  },
  {
    name: 'log',
    summary: 'look into the event log: what comes in, how much there is, whether all of it can be read',
    load: async () => (await import('./log.js')).logCommand(),
  },
  {
    name: 'inspect',
    summary: 'show a sealed version: manifest, metrics, expert utilisation, deltas and what was refused',
    load: async () => (await import('./inspect.js')).inspectCommand(),
  },
  {
    name: 'examination',
    summary: 'how often each position is looked at, per head: from swaps, ordinary lists and the bias tower',
    load: async () => (await import('./examination.js')).examinationCommand(),
    needsTraining: true,
  },
  {
    name: 'export',
    summary: 'write a sealed version as one ONNX file, tables inside, for other runtimes',
    load: async () => (await import('./export.js')).exportCommand(),
    needsTraining: true,
  },
  {
    name: 'simulate',
    summary: 'write the log of a simulated video platform, whose law is known',
    load: async () => (await import('./simulate.js')).simulateCommand(),
    needsTraining: true,
  },
  {
    name: 'world',
    summary: 'let a simulated audience visit a running service, in accelerated time, and tell what is true of it',
    load: async () => (await import('./world.js')).worldCommand(),
    needsTraining: true,
  },
  {
    name: 'study',
    summary: 'put a question to the simulated world, where the truth is known, and write a report with intervals',
    load: async () => (await import('./study.js')).studyCommand(),
    needsTraining: true,
  },
  {
    name: 'schema',
    summary: 'print the JSON Schema of ranker.yaml, for editors, or its reference, for readers',
    load: async () => (await import('./schema.js')).schemaCommand(),
  },
  {
    name: 'metrics',
    summary: 'print every metric there is, with its labels and what it says',
    load: async () => (await import('./metrics.js')).metricsCommand(),
  },
  {
    name: 'demo',
    summary: 'simulate a platform, train a ranker on its log, serve it, and let it learn from people who come',
    load: async () => (await import('./demo.js')).demoCommand(),
    needsTraining: true,
  },
];

const hasTraining = existsSync(new URL('../training', import.meta.url));

export const isInstalled = ({ needsTraining }: Verb): boolean => hasTraining || needsTraining !== true;

/** The command with its flags and what it does. */
export const loadVerb = async ({ summary, load }: Verb): Promise<Command> =>
  withLegibleHelp((await load()).description(summary));

/** The command as a list of commands shows it, without its module. */
export const listedVerb = ({ name, summary }: Verb): Command => new Command(name).description(summary);
