import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Command } from 'commander';
import { settingsOf, withSettings } from '../../cli/settings.js';
import type { SettingName } from '../../src/settings.js';

/** What a command with these flags hints at for the brokers that are missing. */
const hintOf = (names: readonly SettingName[]): string | undefined => {
  const command = withSettings(new Command('look'), names).parse([], { from: 'user' });
  try {
    settingsOf(command, { log: 'kafka' });
  } catch (error) {
    const { problems } = error as { problems: { path: string; hint?: string }[] };
    return problems.find(({ path }) => path === 'WATCHNEXT_KAFKA_BROKERS')?.hint;
  }
  return undefined;
};

describe('the settings of a command', () => {
  const before = process.env;
  beforeEach(() => {
    process.env = { WATCHNEXT_PORT: '1234', WATCHNEXT_HOST: 'ignored' };
  });
  afterEach(() => {
    process.env = before;
  });

  test('are what it says itself, else its flags, else the environment, else defaults', () => {
    const command = withSettings(new Command('look'), ['host', 'models']);
    command.parse(['--host', 'here', '--models', 'mine'], { from: 'user' });
    expect(settingsOf(command, { models: 'its' })).toMatchObject({
      host: 'here',
      models: 'its',
      port: 1234,
      workers: 1,
    });
  });

  test('that are missing are asked for by flag only where the command takes it', () => {
    expect(hintOf(['kafkaBrokers'])).toBe('set it, or --kafka-brokers');
    expect(hintOf(['host'])).toBe('set it in the environment');
  });
});
