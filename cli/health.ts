import { request as plain } from 'node:http';
import { request as overTls } from 'node:https';
import { Command } from 'commander';
import { WatchnextError } from '../src/errors.js';
import type { Settings } from '../src/settings.js';
import { print } from './output.js';
import { settingsOf, withSettings, type SettingFlags } from './settings.js';

interface HealthFlags extends SettingFlags {
  readonly live?: boolean;
}

/** The longest that it waits for the answer. */
const timeoutMs = 3000;

export const healthCommand = (): Command =>
  withSettings(new Command('health'), ['host', 'port', 'tlsCert', 'tlsKey'])
    .option('--live', 'ask whether its process is alive instead')
    .addHelpText(
      'after',
      `
Ends with 0 if so, else with 1 and the reason: for the health checks of containers, and for scripts. It takes the same
settings as the service it asks. Where clients need certificates of their own (--tls-client-ca), ask --metrics-port instead.

Examples:
  $ watchnext health
  $ watchnext health --live --port 9000`,
    )
    .action(async (flags: HealthFlags, command: Command) => {
      const settings = settingsOf(command);
      const url = `${urlOf(settings)}${flags.live === true ? '/healthz' : '/readyz'}`;
      const { status, body } = await ask(url);
      if (status !== 200) throw new WatchnextError('not_ready', `${url} answers ${status}: ${reasonOf(body)}`);
      print(flags.live === true ? 'alive' : 'ready');
    });

/** Of a service that listens everywhere, the address on which it also listens here. */
const urlOf = ({ host, port, tlsCert }: Settings): string => {
  const here = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `${tlsCert === undefined ? 'http' : 'https'}://${here.includes(':') ? `[${here}]` : here}:${port}`;
};

const ask = (url: string): Promise<{ readonly status: number; readonly body: string }> =>
  new Promise((resolve, reject) => {
    const fail = (cause: Error): void =>
      reject(new WatchnextError('not_ready', `${url} does not answer: ${cause.message}`, { cause }));
    // Its own service, by an address that no certificate names: whose the certificate is says nothing here.
    const options = { signal: AbortSignal.timeout(timeoutMs), agent: false, rejectUnauthorized: false } as const;
    const sent = (url.startsWith('https:') ? overTls : plain)(url, options, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => (body += part));
      response.on('error', fail).on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on('error', fail).end();
  });

const reasonOf = (body: string): string => {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: unknown } };
    if (typeof error?.message === 'string') return error.message;
  } catch {
    // Whoever answers there may be somebody else.
  }
  return body.slice(0, 200);
};
