import { Command } from 'commander';
import { startServer } from '../src/server.js';
import { readSettings, settingSources, type SettingName } from '../src/settings.js';

/** A command whose flags are the service's settings. */
export const withSettings = (command: Command, except: readonly SettingName[] = []): Command => {
  for (const { name, flag, description, env, default: standard } of settingSources) {
    if (except.includes(name)) continue;
    const preset = standard === undefined ? '' : `; ${JSON.stringify(standard)} if left out`;
    command.option(`${flag} <value>`, `${description}${preset} [${env}]`);
  }
  return command;
};

export const serveCommand = (): Command =>
  withSettings(new Command('serve').description('serve the active version of every ranker over HTTP'))
    .addHelpText(
      'after',
      `
Examples:
  $ watchnext serve
  $ watchnext serve --port 9000 --workers 2 --device cpu
  $ curl -s localhost:8080/v1/rank -H 'content-type: application/json' -d '{"user": {"id": "u1"}, "candidates": [{"id": "v1"}, {"id": "v2"}]}'`,
    )
    .action(async (flags: Partial<Record<SettingName, unknown>>) => {
      await startServer(readSettings(process.env, flags));
    });
