import { Command } from 'commander';
import { assignCommand, checkCommand, planCommand, reportCommand } from './experiment/index.js';

export const experimentCommand = (): Command =>
  new Command('experiment')
    .addCommand(checkCommand())
    .addCommand(assignCommand())
    .addCommand(reportCommand())
    .addCommand(planCommand())
    .addHelpText(
      'after',
      `
Examples:
  $ watchnext experiment plan films --metric watch --effect 2%         how long will it take?
  $ watchnext experiment check experiments.json                        is it right?
  $ watchnext serve --experiments experiments.json                     it begins
  $ watchnext experiment assign experiments.json --user u1             what does this user get?
  $ watchnext experiment report satisfaction --ranker films            what does it say so far?`,
    );
