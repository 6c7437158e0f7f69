import type { Command } from 'commander';
import { WatchnextError } from '../src/errors.js';
import { logSettingNames, readSettings, settingSources, type SettingName, type Settings } from '../src/settings.js';

/** Flags as they were given, by setting. */
export type SettingFlags = Partial<Record<SettingName, unknown>>;

/** A command whose flags are the service's settings: all, or those that are named. Read them with `settingsOf`. */
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

/**
 * The settings of a command that was called: what it says itself, else its flags, else the environment, else defaults. Throws
 * settings_invalid as `readSettings` does, with hints that name no flag that the command does not take.
 */
export const settingsOf = (command: Command, said: SettingFlags = {}): Settings => {
  const flags = command.opts<Readonly<Record<string, unknown>>>();
  const given = settingSources.flatMap(({ name }) => (name in flags ? [[name, flags[name]]] : []));
  try {
    return readSettings(process.env, { ...(Object.fromEntries(given) as SettingFlags), ...said });
  } catch (error) {
    if (!(error instanceof WatchnextError)) throw error;
    const lacking = settingSources.filter(({ flag }) => !command.options.some(({ long }) => long === flag));
    const beyond = lacking.map(({ flag }) => `set it, or ${flag}`);
    const problems = error.problems.map((problem) =>
      beyond.includes(problem.hint ?? '') ? { ...problem, hint: 'set it in the environment' } : problem,
    );
    throw new WatchnextError(error.code, error.message, { problems, cause: error });
  }
};
