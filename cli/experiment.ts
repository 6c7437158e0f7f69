import { Command } from 'commander';
import { assignCommand, checkCommand } from './experiment/index.js';

export const experimentCommand = (): Command =>
  new Command('experiment')
    .description('check experiments before they apply, and see who falls into which arm')
    .addCommand(checkCommand())
    .addCommand(assignCommand());
