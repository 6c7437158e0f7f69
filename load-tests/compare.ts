import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { positiveNumber } from '../cli/arguments.js';
import { runProgram } from '../cli/ending.js';
import { formatTable, note, print } from '../cli/output.js';
import { optionsOf, withCommonFlags, type CommonFlags } from './arguments.js';
import { buildCheckout, compareCheckouts, comparisonTable, type Subject } from './compare/index.js';
import { commitOf, machineFacts, machineText } from './machine.js';
import { isScenarioName, scenarioNames } from './scenarios/index.js';

interface CompareFlags extends CommonFlags {
  readonly rounds: number;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const standard: readonly Subject[] = ['saturation', 'steady'];
const isSubject = (name: string): name is Subject => name === 'saturation' || isScenarioName(name);

const program = withCommonFlags(new Command('load:compare'))
  .description('the services of two commits under the same load on this machine, in turn: ratios with their spread')
  .argument('<base>', 'a commit, branch or tag; what it is held against is this checkout as it was built')
  .argument('[scenarios...]', `saturation, ${scenarioNames.join(', ')}; ${standard.join(' and ')} if left out`)
  .option('--rounds <n>', 'runs of each', positiveNumber, 3)
  .addHelpText(
    'after',
    `
Generator, model and requests are those of this checkout, for both. The base is built in a git worktree under
.cache/load-compare, which stays for the next time (git worktree remove takes it away).

Examples:
  $ npm run load:compare -- main
  $ npm run load:compare -- HEAD~5 steady swap --quick --rounds 5
  $ npm run load:compare -- v0.1.0 saturation --set workers=2 --json`,
  )
  .action(async (name: string, named: string[], flags: CompareFlags) => {
    const unknown = named.filter((each) => !isSubject(each));
    if (unknown.length > 0)
      program.error(
        `there is no scenario "${unknown.join('", "')}": allowed are saturation, ${scenarioNames.join(', ')}`,
      );
    const names = named.length === 0 ? standard : named.filter(isSubject);
    const machine = machineFacts();
    const { folder, commit } = await buildCheckout(root, { name, say: note });
    const load = optionsOf(flags, root);
    const { rounds } = flags;
    const { saturationPerSecond, subjects } = await compareCheckouts({ load, base: folder, names, rounds, say: note });
    const result = { base: commit.slice(0, 12), here: commitOf(root), machine, rounds, saturationPerSecond, subjects };
    if (flags.json === true) {
      print(JSON.stringify(result));
      return;
    }
    print(`${machineText(machine)}; base ${result.base}, here ${result.here}, ${rounds} rounds in turn`);
    for (const { name: subject, comparisons, skipped, failed } of subjects) {
      const { columns, rows } = comparisonTable(comparisons);
      print(`\n${subject}${skipped === undefined ? '' : `: skipped, ${skipped}`}`);
      if (skipped === undefined) print(formatTable(columns, rows));
      if (failed.base + failed.here > 0)
        print(`thresholds not held, or invalid: base ${failed.base}, here ${failed.here} of ${rounds} runs`);
    }
  })
  .exitOverride();

await runProgram(program);
