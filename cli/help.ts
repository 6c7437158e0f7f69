import { Help, type Command } from 'commander';

/**
 * Makes the help of a command and of all below it say which options it cannot do without, and its refusals where to look; these
 * are thrown. Commander adds none of this to commands that were made apart from their program.
 */
export const withLegibleHelp = (command: Command): Command => {
  const plain = new Help();
  command
    .exitOverride()
    .showHelpAfterError('(add --help for what is allowed)')
    .configureHelp({
      optionDescription: (option) =>
        option.mandatory && option.defaultValue === undefined
          ? `needed: ${plain.optionDescription(option)}`
          : plain.optionDescription(option),
    });
  command.commands.forEach(withLegibleHelp);
  return command;
};
