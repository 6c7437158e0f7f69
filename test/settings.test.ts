import { describe, expect, test } from '@jest/globals';
import { logSettingNames, readSettings, redactSettings, settingSources } from '../src/settings.js';

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

  test('of Kafka name what is missing beside them', () => {
    expect(problemsOf({ WATCHNEXT_LOG: 'kafka', WATCHNEXT_KAFKA_SASL_MECHANISM: 'plain' })).toEqual([
      expect.objectContaining({ path: 'WATCHNEXT_KAFKA_BROKERS', hint: 'set it, or --kafka-brokers' }),
      expect.objectContaining({ path: 'WATCHNEXT_KAFKA_SASL_USERNAME' }),
      expect.objectContaining({ path: 'WATCHNEXT_KAFKA_SASL_PASSWORD' }),
    ]);
    expect(problemsOf({ WATCHNEXT_KAFKA_BROKERS: 'localhost' })).toMatchObject([{ path: 'WATCHNEXT_KAFKA_BROKERS' }]);
    const given = {
      WATCHNEXT_LOG: 'kafka',
      WATCHNEXT_KAFKA_BROKERS: 'a:9092,b.example:9093',
      WATCHNEXT_KAFKA_TLS: 'true',
    };
    expect(readSettings(given)).toMatchObject({ log: 'kafka', kafkaBrokers: 'a:9092,b.example:9093', kafkaTls: true });
    const secret = readSettings({ WATCHNEXT_KAFKA_SASL_PASSWORD: 'do-not-print' });
    expect(JSON.stringify(redactSettings(secret))).not.toContain('do-not-print');
  });

  test('of Redis keep its password, and refuse a URL without repeating it', () => {
    const url = 'rediss://watchnext:p%40ss-word@redis.example:6380/2';
    const settings = readSettings({ WATCHNEXT_REDIS_URL: url, WATCHNEXT_REDIS_TIMEOUT_MS: '50' });
    expect(settings).toMatchObject({ redisUrl: url, redisPrefix: 'watchnext/', redisTimeoutMs: 50 });
    expect(JSON.stringify(redactSettings(settings))).not.toContain('ss-word');
    const wrong = ['redis.example:6379', 'http://:ss-word@redis', 'redis://:ss-word@redis?tls=no', 'redis://a b'];
    for (const sent of wrong) {
      const problems = problemsOf({ WATCHNEXT_REDIS_URL: sent });
      expect(problems).toMatchObject([{ path: 'WATCHNEXT_REDIS_URL', hint: expect.stringContaining('redis://') }]);
      expect(JSON.stringify(problems)).not.toContain('ss-word');
    }
    expect(readSettings({ WATCHNEXT_REDIS_URL: 'redis://[::1]' }).redisUrl).toBe('redis://[::1]');
  });

  test('of experiments name a file or a host with its key, not both, and keep the key to themselves', () => {
    const host = { WATCHNEXT_EXPERIMENTS_HOST: 'https://flags.example' };
    expect(problemsOf(host)).toMatchObject([{ path: 'WATCHNEXT_EXPERIMENTS_CLIENT_KEY' }]);
    expect(problemsOf({ WATCHNEXT_EXPERIMENTS_CLIENT_KEY: 'sdk-1' })).toMatchObject([
      { path: 'WATCHNEXT_EXPERIMENTS_HOST' },
    ]);
    const both = { ...host, WATCHNEXT_EXPERIMENTS_CLIENT_KEY: 'sdk-1', WATCHNEXT_EXPERIMENTS: 'experiments.json' };
    expect(problemsOf(both)).toMatchObject([
      { path: 'WATCHNEXT_EXPERIMENTS', hint: expect.stringContaining('leave one') },
    ]);
    expect(problemsOf({ WATCHNEXT_EXPERIMENTS_HOST: 'flags.example' })).toMatchObject([
      { path: 'WATCHNEXT_EXPERIMENTS_HOST' },
    ]);
    expect(problemsOf({ WATCHNEXT_EXPERIMENTS_TESTERS: 'testers.json' })).toMatchObject([
      { path: 'WATCHNEXT_EXPERIMENTS_TESTERS' },
    ]);
    const settings = readSettings({ ...host, WATCHNEXT_EXPERIMENTS_CLIENT_KEY: 'sdk-1' });
    expect(settings).toMatchObject({ experimentsHost: 'https://flags.example', experimentsPollMs: 2000 });
    expect(JSON.stringify(redactSettings(settings))).not.toContain('sdk-1');
  });

  test('say which of them every command that opens the log needs', () => {
    expect(logSettingNames).toEqual(expect.arrayContaining(['log', 'logDirectory', 'kafkaBrokers', 'spoolBytes']));
    expect(logSettingNames).not.toContain('logLevel');
    expect(logSettingNames).not.toContain('models');
  });

  test('have one variable and one flag each', () => {
    const names = settingSources.flatMap(({ env, flag }) => [env, flag]);
    expect(new Set(names).size).toBe(2 * settingSources.length);
    expect(names).toContain('--body-limit-bytes');
  });
});
