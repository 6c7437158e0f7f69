import type { Command } from 'commander';
import { logSettingNames, settingSources, type SettingName } from '../src/settings.js';

/** Flags as they were given, by setting. */
export type SettingFlags = Partial<Record<SettingName, unknown>>;

/** A command whose flags are the service's settings: all, or those that are named. Read them with `readSettings`. */
export const withSettings = (command: Command, names?: readonly SettingName[]): Command => {
  for (const { name, flag, values, description, env, default: standard } of settingSources) {
    if (names?.includes(name) === false) continue;
    const preset = standard === undefined ? '' : `; ${String(standard)} if left out`;
    command.option(`${flag} <${values}>`, `${description}${preset} [${env}]`);
  }
  return command;
};

/** A command that opens the event log. */
export const withLogSettings = (command: Command): Command => withSettings(command, logSettingNames);

/** Of all flags of a command, those that are settings. */
export const settingFlags = (flags: Readonly<Record<string, unknown>>): SettingFlags =>
  Object.fromEntries(settingSources.flatMap(({ name }) => (name in flags ? [[name, flags[name]]] : [])));
