import { Command } from 'commander';
import { assignCommand, checkCommand, planCommand, reportCommand } from './experiment/index.js';

export const experimentCommand = (): Command =>
  new Command('experiment')
    .description('check experiments before they apply, see who falls into which arm, plan them and read them')
    .addCommand(checkCommand())
    .addCommand(assignCommand())
    .addCommand(reportCommand())
    .addCommand(planCommand());
