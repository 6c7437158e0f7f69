import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { loadRanker, type Ranker } from '../src/definition/index.js';
import { startServer, type RunningServer } from '../src/server.js';
import type { Settings } from '../src/settings.js';
import { simulate, type Simulation } from '../training/dataset/index.js';
import { positiveNumber, wholeNumber } from './arguments.js';
import {
  claimDemo,
  measureRanking,
  putCatalogue,
  showRequest,
  startAudience,
  startLearner,
  tellChances,
  tellFreshness,
  watchLive,
  type LiveResult,
  type TrueChances,
} from './demo/index.js';
import { createProgress, note, print } from './output.js';
import { settingsOf } from './settings.js';
import { printTraining, trainAndSeal } from './training-run.js';

interface DemoFlags {
  readonly once?: boolean;
  readonly port: number;
  readonly seed: number;
  readonly log: 'embedded' | 'kafka';
  readonly rate: number;
}

const folder = '.demo';
const dayMs = 86_400_000;
const standardPort = 8080;
/** Few, on purpose: what the first version does not know, the stream teaches. */
const days = 2;
const onceMs = 45_000;
const definitionFile = fileURLToPath(new URL('../../models/demo/ranker.yaml', import.meta.url));

export const demoCommand = (): Command =>
  new Command('demo')
    .option('--once', `end after ${onceMs / 1000} s of people, with a summary`)
    .option('--port <port>', 'port of the service', positiveNumber, standardPort)
    .option('--seed <n>', 'seed of the simulated platform', wholeNumber, 1)
    .option('--rate <n>', 'people who come per second', positiveNumber, 25)
    .addOption(new Option('--log <log>', 'where events go').choices(['embedded', 'kafka']).default('embedded'))
    .addHelpText(
      'after',
      `
Everything is written below ${folder}/. With --log kafka, WATCHNEXT_KAFKA_BROKERS names the brokers (npm run kafka starts one).

Examples:
  $ npm run demo
  $ npm run demo -- --once
  $ WATCHNEXT_KAFKA_BROKERS=localhost:9092 npm run demo -- --log kafka`,
    )
    .action(async (flags: DemoFlags, command: Command) => {
      const port = flags.once === true && flags.port === standardPort ? 0 : flags.port;
      const shared = sharedSettings();
      // Before minutes of work whose service could not start.
      const settings = settingsOf(command, { ...shared, ...serviceSettings, port });
      const ranker = await loadRanker(definitionFile);
      const leave = await claimDemo(folder, port);
      try {
        await play({ ...flags, ranker, settings, shared: { ...shared, log: flags.log } });
      } finally {
        await leave();
      }
    });

/** What the service and the learner are told. */
const sharedSettings = (): Readonly<Record<string, string>> => ({
  models: join(folder, 'models'),
  logDirectory: join(folder, 'log'),
  // A topic of its own: what other demos left in a broker is another platform's.
  kafkaTopicPrefix: `watchnext-demo-${Date.now()}.`,
  logLevel: 'warn',
});

const serviceSettings = {
  store: join(folder, 'store'),
  spoolDirectory: join(folder, 'spool'),
  pollMs: 500,
  // On a small machine the disk is busy now and then: that is no news for who looks on.
  slowRequestMs: 10_000,
};

interface Demo extends DemoFlags {
  readonly ranker: Ranker;
  readonly settings: Settings;
  readonly shared: Readonly<Record<string, string>>;
}

const play = async (demo: Demo): Promise<void> => {
  for (const old of ['models', 'store', 'log', 'spool', 'learner'])
    await rm(join(folder, old), { recursive: true, force: true });
  const simulation = await makeWorld(demo.seed);
  note('\n2. Training on its log, the last day held out: little, on purpose');
  const models = join(folder, 'models');
  printTraining(
    await trainAndSeal({
      ranker: demo.ranker,
      data: join(folder, 'data'),
      engine: 'onnx',
      out: models,
      activate: true,
    }),
  );
  await serveAndLearn(demo, simulation);
};

const makeWorld = async (seed: number): Promise<Simulation> => {
  note('1. Simulating a small video platform');
  const progress = createProgress();
  const simulation = await simulate({
    directory: join(folder, 'data'),
    seed,
    days,
    // The log ends last midnight: the service ranks now, and what it knows must not be stale.
    startMs: Math.floor(Date.now() / dayMs) * dayMs - days * dayMs,
    onProgress: (done, total) => progress.show({ label: 'simulating', done, total }),
  });
  progress.stop();
  const { rows, requests, users, items } = simulation;
  note(
    `   ${rows.toLocaleString('en-US')} impressions in ${requests.toLocaleString('en-US')} lists; ${users} users, ${items} videos`,
  );
  return simulation;
};

const serveAndLearn = async (demo: Demo, simulation: Simulation): Promise<void> => {
  note('\n3. Serving it');
  const ending = endOnSignals();
  const server = await startServer(demo.settings, { signals: false });
  try {
    await putCatalogue(server.url, simulation);
    note(`   ${server.url} is up: ${simulation.users} users and ${simulation.items} videos put into its store`);
    note('\n4. Ranking a request');
    const example = await showRequest(server.url, simulation);
    if (demo.once !== true) print(tryIt(server.url, example));
    await letPeopleIn(demo, { simulation, server, signal: ending.signal });
  } finally {
    ending.release();
    await server.close();
  }
};

interface Running {
  readonly simulation: Simulation;
  readonly server: RunningServer;
  readonly signal: AbortSignal;
}

const letPeopleIn = async (demo: Demo, { simulation, server, signal }: Running): Promise<void> => {
  const { ranker, shared, once, rate } = demo;
  const { url } = server;
  const { definition } = ranker;
  const output = join(folder, 'learner', 'output.txt');
  note(`\n5. People come; a learner reads what they do (what it says: ${output})`);
  note(
    `   true chances among the first 8 as ranked (any order: of the same videos, unranked) | how well it is predicted | from feedback to served | the version that answers`,
  );
  const before = await measureRanking(url, simulation);
  const learner = await startLearner({ output, arguments: learnArguments(definition.name, shared) });
  const audience = startAudience({
    url,
    simulation,
    tasks: Object.keys(definition.tasks),
    perSecond: rate,
  });
  try {
    const options = { url, definition, audience, learner, signal };
    const seen = await watchLive({ ...options, ...(once === true ? { forMs: onceMs } : {}) });
    await audience.stop();
    if (signal.aborted) return;
    const after = await measureRanking(url, simulation);
    summarise({ before, after, seen, visits: audience.visits, events: audience.events });
    if (audience.failures.count > 0) note(`${audience.failures.count} visits failed: ${audience.failures.last ?? ''}`);
    const problem =
      seen.problem ?? (seen.status?.freshness === undefined ? 'nothing that was learned was served' : undefined);
    if (problem === undefined) return;
    note(`${problem}; see ${output}`);
    process.exitCode = 1;
  } finally {
    await audience.stop();
    await learner.stop();
  }
};

const learnArguments = (ranker: string, shared: Readonly<Record<string, string>>): string[] => [
  'learn',
  ranker,
  ...Object.entries({ ...shared, checkpoints: join(folder, 'learner') }).flatMap(([name, value]) => [
    `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    value,
  ]),
];

interface Outcome {
  readonly before: TrueChances;
  readonly after: TrueChances;
  readonly seen: LiveResult;
  readonly visits: number;
  readonly events: number;
}

const summarise = ({ before, after, seen, visits, events }: Outcome): void => {
  print(`\n${visits} lists were looked at, ${events} events sent back; ${seen.versions.length} versions answered`);
  print(`before: ${tellChances(before)}`);
  print(`after:  ${tellChances(after)}`);
  print(`${tellFreshness(seen.status)}; serving ${seen.status?.version ?? 'nothing'}`);
  for (const { candidate, reason } of seen.status?.refusals ?? []) print(`refused ${candidate}: ${reason}`);
};

const tryIt = (url: string, example: object): string =>
  `\ntry it:\ncurl -s ${url}/v1/rank -H 'content-type: application/json' -d '${JSON.stringify(example)}'\nThe API is described at ${url}/docs; Ctrl-C ends all.`;

/** Ctrl-C ends everything in order; a second one at once. */
const endOnSignals = (): { readonly signal: AbortSignal; release(): void } => {
  const controller = new AbortController();
  const end = (): void => {
    if (controller.signal.aborted) process.exit(130);
    note('\nending: people leave, the learner writes down where it is, the service answers what it has');
    controller.abort();
  };
  process.on('SIGINT', end).on('SIGTERM', end);
  return {
    signal: controller.signal,
    release: () => void process.off('SIGINT', end).off('SIGTERM', end),
  };
};
