import { describe, expect, test } from '@jest/globals';
import { Command } from 'commander';
import { withLegibleHelp } from '../../cli/help.js';
import { verbs } from '../../cli/verbs.js';
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
for (const load of Object.values(verbs)) all.push(...withAllBelow(withLegibleHelp(await load())));
const pathOf = (command: Command): string =>
  command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
const load = withCommonFlags(new Command('load'));

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
    const help = helpOf(withLegibleHelp(await verbs['train']!()));
    expect(help).toContain('--data <dir> needed: the folder that dataset.sql reads');
    expect(help).toContain('--models <dir> the folder of sealed versions (default: "models")');
  });

  test('says what a setting may be', async () => {
    const help = helpOf(await verbs['serve']!());
    expect(help).toMatch(/--log <choice> where [^[]* \(choices: embedded, kafka, off\); embedded if left out/);
    expect(help).toContain('"watchnext." if left out [WATCHNEXT_KAFKA_TOPIC_PREFIX]');
    expect(help).toContain('--kafka-tls <true|false> ');
    expect(help).toContain('--port <n> port to listen on; 0 picks one; 8080 if left out [WATCHNEXT_PORT]');
  });
});

test('a load test holds half of saturation if nothing else is said', () => {
  expect(helpOf(load)).toContain('or a share of saturation (default: 50%)');
});
