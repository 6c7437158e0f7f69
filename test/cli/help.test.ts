import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { Command, CommanderError } from 'commander';
import { listedVerb, loadVerb, verbs } from '../../cli/verbs.js';
import { withCommonFlags } from '../../load-tests/arguments.js';

/** What a person sees who asks for help, as one line. */
const helpOf = (command: Command): string => {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text.replaceAll(/\s+/g, ' ');
};

const withAllBelow = (command: Command): Command[] => [command, ...command.commands.flatMap(withAllBelow)];

const all: Command[] = [];
// One after the other: jest cannot link modules that are loaded side by side.
for (const verb of verbs) all.push(...withAllBelow(await loadVerb(verb)));
const called = (name: string): Promise<Command> => loadVerb(verbs.find((verb) => verb.name === name)!);
const pathOf = (command: Command): string =>
  command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
const load = withCommonFlags(new Command('load'));

const atOnce = /^(?:import|export)\b(?! type )[^;']*?(?:from )?'([^']*)';/gm;
const later = /\bimport\('([^']*)'\)/g;

/** Modules and packages that a module loads with it, and those that they load; with `later`, what they load with import(), too. */
const loadedWith = (
  file: string,
  how: readonly RegExp[] = [atOnce],
  known = new Set<string>(),
): ReadonlySet<string> => {
  if (known.has(file)) return known;
  known.add(file);
  const text = readFileSync(file, 'utf8');
  for (const [, name = ''] of how.flatMap((pattern) => [...text.matchAll(pattern)]))
    if (name.startsWith('.')) loadedWith(join(dirname(file), name.replace(/\.js$/, '.ts')), how, known);
    else known.add(name);
  return known;
};

describe('a list of commands', () => {
  test('has each under the name by which it is called, with what it says of itself', async () => {
    for (const verb of verbs) {
      const [listed, loaded] = [listedVerb(verb), await loadVerb(verb)];
      expect([listed.name(), listed.description()]).toEqual([loaded.name(), loaded.description()]);
    }
  });

  test('is made without the modules of any', () => {
    const files = [...loadedWith('cli/main.ts')];
    for (const { name } of verbs) expect(files).not.toContain(`cli/${name}.ts`);
    expect(files.filter((file) => file.endsWith('.ts')).length).toBeLessThan(10);
  });

  test.each(verbs.map((verb) => [verb.name, verb] as const))(
    '%s is left out of an installation without training if it needs it, and only then',
    (name, { needsTraining = false }) => {
      const files = [...loadedWith(`cli/${name}.ts`, [atOnce, later])];
      expect(files.length).toBeGreaterThan(3);
      expect(files.some((file) => file.startsWith('training/'))).toBe(needsTraining);
    },
  );
});

describe('the help of what trains', () => {
  const heavy = ['@tensorflow/tfjs', '@duckdb/node-api'];

  test.each(['check', 'train', 'evaluate'])('%s is shown without what trains, which is loaded when it runs', (name) => {
    const [shown, run] = [[atOnce], [atOnce, later]].map((how) => [...loadedWith(`cli/${name}.ts`, how)]);
    expect(shown!.filter((file) => file.startsWith('training/') || heavy.includes(file))).toEqual([]);
    expect(shown!.length).toBeLessThan(run!.length / 2);
    expect(run).toEqual(expect.arrayContaining(heavy));
  });
});

describe('a slip in the arguments', () => {
  afterEach(() => void jest.restoreAllMocks());

  test.each(all.map((command) => [pathOf(command), command] as const))(
    'of %s is thrown, so that the program ends as for any other',
    async (_, command) => {
      jest.spyOn(process, 'exit').mockImplementation((code) => {
        throw new Error(`exit ${code ?? ''}`);
      });
      command.configureOutput({ writeErr: () => undefined });
      const words = command.commands.length > 0 ? [] : command.registeredArguments.map(() => 'x');
      await expect(command.parseAsync([...words, '--no-such-flag'], { from: 'user' })).rejects.toBeInstanceOf(
        CommanderError,
      );
    },
  );
});

describe('the help of every command', () => {
  test.each(all.map((command) => [pathOf(command), command] as const))(
    '%s fits a terminal of 80 columns',
    (_, command) => {
      // Beside longer flags, descriptions are no longer wrapped.
      for (const { flags } of command.options) expect(flags.length).toBeLessThanOrEqual(36);
    },
  );

  test.each(all.map((command) => [pathOf(command), command] as const))('%s has examples', (_, command) => {
    expect(helpOf(command).split('Examples: ')[1]).toMatch(new RegExp(`\\$ .*${pathOf(command)}\\b`));
  });

  test.each([...all, load].map((command) => [pathOf(command), command] as const))(
    '%s shows what is used if a flag is left out as a person would write it',
    (_, command) => {
      const shown = [...helpOf(command).matchAll(/\(default: (.*?)\)/g)].map(([, value = '']) => value);
      for (const value of shown) expect(value).not.toMatch(/[{[]|^(true|false|\d{7,})$/);
    },
  );

  test('says what cannot be left out', async () => {
    const help = helpOf(await called('train'));
    expect(help).toContain('--data <dir> needed: the folder that dataset.sql reads');
    expect(help).toContain('--models <dir> the folder of sealed versions (default: "models")');
  });

  test('says what a setting may be', async () => {
    const help = helpOf(await called('serve'));
    expect(help).toMatch(/--log <choice> where [^[]* \(choices: embedded, kafka, off\); embedded if left out/);
    expect(help).toContain('"watchnext." if left out [WATCHNEXT_KAFKA_TOPIC_PREFIX]');
    expect(help).toContain('--kafka-tls <true|false> ');
    expect(help).toContain('--port <n> port to listen on; 0 picks one; 8080 if left out [WATCHNEXT_PORT]');
  });
});

test('a load test holds half of saturation if nothing else is said', () => {
  expect(helpOf(load)).toContain('or a share of saturation (default: 50%)');
});
