import '../src/no-telemetry.js';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { runProgram } from '../cli/ending.js';
import { note, print } from '../cli/output.js';
import { optionsOf, withCommonFlags, type CommonFlags } from './arguments.js';
import { growthMarkdown, growthNames, measureGrowth, writeGrowth, type GrowthTable } from './growth/index.js';
import { commitOf, machineFacts } from './machine.js';
import { hasFailed, resultText, writeIndex, writeResult, type ScenarioResult } from './report/index.js';
import { isScenarioName, scenarioNames, scenarios, type ScenarioName } from './scenarios/index.js';
import { openSession } from './session.js';

interface LoadFlags extends CommonFlags {
  readonly out?: string;
  readonly list?: boolean;
  readonly of?: GrowthTable['of'][];
}

/** The checkout: two folders above the built file. */
const root = fileURLToPath(new URL('../..', import.meta.url));
/** No scenario: it holds nothing, and is not among all. */
const growth = 'growth';
const quickFolder = '.cache/load-tests';
const fullFolder = 'load-tests/results';

const list = (): string =>
  scenarioNames
    .map((name) => {
      const { about, takesSeconds } = scenarios[name];
      return `${name.padEnd(12)}${String(takesSeconds[0]).padStart(4)} s (${takesSeconds[1]} s with --quick)  ${about}`;
    })
    .join('\n')
    .concat(
      `\n${growth.padEnd(12)} 420 s (240 s with --quick)  candidates, network, items and replicas grow: what does it cost?`,
    );

const program = withCommonFlags(new Command('load'))
  .description(
    'offer load to a service that runs in a process of its own, and hold what comes of it against thresholds',
  )
  .argument('[scenarios...]', `${scenarioNames.join(', ')}, all (with --quick all but soak), or ${growth}`)
  .option('--list', 'what there is, and how long it takes')
  .addOption(new Option('--of <names...>', `${growth}: what grows; all if left out`).choices(growthNames))
  .option('--out <dir>', `where results go; ${fullFolder}, with --quick ${quickFolder}`)
  .addHelpText(
    'after',
    `
${list()}

Ends with 1 if a threshold is not held or a run is invalid. Leave the machine alone meanwhile.

Examples:
  $ npm run load -- smoke
  $ npm run load -- all
  $ npm run load -- all --quick
  $ npm run load -- growth
  $ npm run load -- growth --of items replicas
  $ npm run load -- steady --rate 60 --seconds 120 --set workers=2
  $ npm run load -- overload --set overload=fallback --out /tmp/overload`,
  );

const chosenNames = (named: readonly string[], quick: boolean): readonly ScenarioName[] => {
  const unknown = named.filter((name) => ![growth, 'all'].includes(name) && !isScenarioName(name));
  if (named.length === 0 || unknown.length > 0)
    program.error(
      `${named.length === 0 ? 'name a scenario' : `there is no scenario "${unknown.join('", "')}"`}: allowed are ${scenarioNames.join(', ')}, all and ${growth}`,
    );
  if (named.includes('all')) return scenarioNames.filter((name) => !quick || name !== 'soak');
  return scenarioNames.filter((name) => named.includes(name));
};

program
  .action(async (named: string[], flags: LoadFlags) => {
    if (flags.list === true) {
      print(list());
      return;
    }
    const names = chosenNames(named, flags.quick === true);
    const out = flags.out ?? (flags.quick === true ? quickFolder : fullFolder);
    const options = optionsOf(flags, root);
    if (named.includes(growth)) {
      const facts = { machine: machineFacts(), commit: commitOf(root), quick: options.quick };
      const startedAt = new Date().toISOString();
      const tables = await measureGrowth(options, { say: note, ...(flags.of && { names: flags.of }) });
      const result = { command: commandOf(growth), startedAt, ...facts, tables };
      await writeGrowth(out, result);
      await writeIndex(out, scenarioNames);
      print(flags.json === true ? JSON.stringify(result) : growthMarkdown(result));
    }
    if (names.length === 0) return;
    const session = await openSession(options, { say: note });
    const results: ScenarioResult[] = [];
    try {
      for (const name of names) {
        const result = await session.run(name, commandOf(name));
        results.push(result);
        await writeResult(out, result, scenarioNames);
        if (flags.json !== true) print(`${resultText(result)}\n`);
      }
    } finally {
      await session.close();
    }
    if (flags.json === true) print(JSON.stringify({ results }));
    note(`results: ${out}/README.md`);
    if (results.some(hasFailed)) process.exitCode = 1;
  })
  .exitOverride();

/** What was asked for, with this scenario alone and without where results go. */
function commandOf(name: string): string {
  const flags = process.argv.slice(2).filter((word) => ![growth, 'all'].includes(word) && !isScenarioName(word));
  const out = flags.indexOf('--out');
  if (out >= 0) flags.splice(out, 2);
  return ['npm run load --', name, ...flags.filter((flag) => flag !== '--json')].join(' ');
}

await runProgram(program);
