import '../src/no-telemetry.js';
import { Command } from 'commander';
import { positiveNumber } from '../cli/arguments.js';
import { runProgram } from '../cli/ending.js';
import { print } from '../cli/output.js';
import { runCompileBench } from './compile.js';
import { runEndToEndBench } from './end-to-end.js';
import { runEmbeddingsBench } from './embeddings.js';
import { runExperimentsBench } from './experiments.js';
import { runReplayBench } from './replay.js';
import { runJoinBench } from './join.js';
import { runKafkaBench } from './kafka.js';
import { runLearnerBench } from './learner.js';
import { runRequestBench } from './request.js';
import { runServingBench } from './serving.js';
import { formatBench, machine, type BenchTable } from './table.js';
import { runTrainingBench } from './training.js';

interface BenchFlags {
  readonly peers?: boolean;
  readonly json?: boolean;
  readonly data?: string;
  readonly rounds?: number;
}

const benches: Readonly<
  Record<
    string,
    (flags: {
      json: boolean;
      peers: boolean;
      data?: string;
      rounds?: number;
    }) => Promise<BenchTable | readonly BenchTable[]>
  >
> = {
  compile: runCompileBench,
  embeddings: runEmbeddingsBench,
  training: async (flags) => [await runTrainingBench(flags), await runEndToEndBench(flags)],
  replay: runReplayBench,
  serving: runServingBench,
  request: runRequestBench,
  join: runJoinBench,
  experiments: runExperimentsBench,
  kafka: runKafkaBench,
  learner: runLearnerBench,
};

const program: Command = new Command('bench')
  .description('measure a part on this machine; leave the machine alone meanwhile')
  .argument('<part>', Object.keys(benches).join(', '))
  .option('--peers', 'beside other systems in the same run, in their own environments')
  .option('--data <dir>', 'training: also time kuairand, from the files in this folder; replay: replay it')
  .option('--rounds <n>', 'training, learner: runs of each; 3 if left out', positiveNumber)
  .option('--json', 'one JSON object on stdout')
  .addHelpText(
    'after',
    '\nExamples:\n  $ npm run bench -- training --peers --data ~/kuairand-pure\n  $ npm run bench -- serving --json',
  )
  .action(async (part: string, flags: BenchFlags) => {
    const bench = Object.hasOwn(benches, part) ? benches[part] : undefined;
    if (bench === undefined)
      program.error(`there is no part "${part}": allowed are ${Object.keys(benches).join(', ')}`);
    const json = flags.json === true;
    const tables = [
      await bench({
        json,
        peers: flags.peers === true,
        ...(flags.data === undefined ? {} : { data: flags.data }),
        ...(flags.rounds === undefined ? {} : { rounds: flags.rounds }),
      }),
    ].flat();
    print(
      json ? JSON.stringify({ machine: machine(), tables }) : `${machine()}\n\n${tables.map(formatBench).join('\n\n')}`,
    );
  })
  .exitOverride();

await runProgram(program);
