import { describe, expect, test } from '@jest/globals';
import { readSettings, redactSettings, settingSources } from '../src/settings.js';

const problemsOf = (env: Record<string, string>, flags = {}): unknown => {
  try {
    readSettings(env, flags);
  } catch (error) {
    return (error as { problems: unknown }).problems;
  }
  return [];
};

describe('settings', () => {
  test('have defaults for everything that needs a value', () => {
    expect(readSettings({})).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      device: 'auto',
      models: 'models',
      workers: 1,
    });
    expect(readSettings({}).adminKey).toBeUndefined();
  });

  test('come from flags first, then the environment', () => {
    const env = { WATCHNEXT_PORT: '9000', WATCHNEXT_MAX_CANDIDATES: '50', PATH: '/bin' };
    expect(readSettings(env, { port: '9001' })).toMatchObject({ port: 9001, maxCandidates: 50 });
  });

  test('refuse an unknown variable with the nearest name', () => {
    expect(problemsOf({ WATCHNEXT_PROT: '1' })).toEqual([
      expect.objectContaining({ path: 'WATCHNEXT_PROT', hint: expect.stringContaining('WATCHNEXT_PORT') }),
    ]);
  });

  test('name every wrong value, where it came from and what is allowed', () => {
    const problems = problemsOf(
      { WATCHNEXT_PORT: 'http', WATCHNEXT_DEVICE: 'gpu', WATCHNEXT_WORKERS: '' },
      { logLevel: 'loud' },
    );
    expect(problems).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ path: 'WATCHNEXT_PORT' }),
        expect.objectContaining({ path: 'WATCHNEXT_DEVICE', message: 'must be one of auto, cpu, cuda' }),
        expect.objectContaining({ path: 'WATCHNEXT_WORKERS' }),
        expect.objectContaining({ path: '--log-level' }),
      ]),
    );
    expect(problems).toHaveLength(4);
  });

  test('are printed without secrets', () => {
    const printed = JSON.stringify(redactSettings(readSettings({ WATCHNEXT_ADMIN_KEY: 'a-very-secret-key' })));
    expect(printed).toContain('"adminKey":"(set)"');
    expect(printed).not.toContain('secret-key');
  });

  test('have one variable and one flag each', () => {
    const names = settingSources.flatMap(({ env, flag }) => [env, flag]);
    expect(new Set(names).size).toBe(2 * settingSources.length);
    expect(names).toContain('--body-limit-bytes');
  });
});
