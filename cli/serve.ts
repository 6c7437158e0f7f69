import { Command } from 'commander';
import { startServer } from '../src/server.js';
import { settingsOf, withSettings, type SettingFlags } from './settings.js';

export const serveCommand = (): Command =>
  withSettings(new Command('serve'))
    .addHelpText(
      'after',
      `
Examples:
  $ watchnext serve
  $ watchnext serve --log kafka --kafka-brokers kafka-1:9092,kafka-2:9092
  $ watchnext serve --port 9000 --workers 2 --device cpu
  $ curl -s localhost:8080/v1/rank -H 'content-type: application/json' -d '{"user": {"id": "u1"}, "candidates": [{"id": "v1"}, {"id": "v2"}]}'`,
    )
    .action(async (_flags: SettingFlags, command: Command) => {
      await startServer(settingsOf(command));
    });
