import type { Command } from 'commander';
import { logSettingNames, settingSources, type SettingName } from '../src/settings.js';

/** Flags as they were given, by setting. */
export type SettingFlags = Partial<Record<SettingName, unknown>>;

/** A command whose flags are the service's settings: all, or those that are named. Read them with `readSettings`. */
export const withSettings = (command: Command, names?: readonly SettingName[]): Command => {
  for (const { name, flag, kind, choices, description, env, default: standard } of settingSources) {
    if (names?.includes(name) === false) continue;
    const preset =
      standard === undefined ? '' : `; ${kind === 'text' ? JSON.stringify(standard) : standard} if left out`;
    const allowed = choices.length === 0 ? '' : ` (choices: ${choices.join(', ')})`;
    command.option(`${flag} <${kind}>`, `${description}${allowed}${preset} [${env}]`);
  }
  return command;
};

/** A command that opens the event log. */
export const withLogSettings = (command: Command): Command => withSettings(command, logSettingNames);

/** Of all flags of a command, those that are settings. */
export const settingFlags = (flags: Readonly<Record<string, unknown>>): SettingFlags =>
  Object.fromEntries(settingSources.flatMap(({ name }) => (name in flags ? [[name, flags[name]]] : [])));
