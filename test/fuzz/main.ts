import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Command, InvalidArgumentError } from 'commander';
import { schemathesis } from './environment.js';
import { makePlace, type FuzzPlace } from './place.js';
import { serve, type Serving } from './serve.js';

/** What one run of schemathesis is told. */
interface Round {
  readonly title: string;
  readonly flags: readonly string[];
  readonly seconds: number;
  readonly only?: string;
}

const rounds = (seconds: number, isShort: boolean): readonly Round[] => {
  const clock: Round = {
    title: 'a service that goes by what requests say',
    flags: ['--clock', 'requests'],
    seconds: Math.round(seconds / 5),
    only: '^/v1/(clock|rank|feedback)$',
  };
  return [{ title: 'a service as it starts by default', flags: [], seconds }, ...(isShort ? [] : [clock])];
};

/** Checks that checks.py replaces by its own. */
const replaced = ['positive_data_acceptance', 'negative_data_rejection', 'not_a_server_error'];
const phases = ['examples', 'coverage', 'fuzzing', 'stateful'];
/** A request of megabytes is printed, as are the answers; nobody reads more of a line. */
const mostCharacters = 400;
/** `==== WARNINGS ====` or whichever section comes first, after the phases. */
const reportBegins = /^={5,} /;
const totals = /\d+ generated, /;

const fuzz = async (
  command: string,
  { serving, place, ...round }: Round & { readonly seed: number; readonly serving: Serving; readonly place: FuzzPlace },
): Promise<boolean> => {
  const only = round.only === undefined ? [] : ['--include-path-regex', round.only];
  const args = [
    ...['--no-color', 'run', `${serving.url}/openapi.json`, '--header', `Authorization: Bearer ${place.key}`],
    ...['--checks', 'all', '--exclude-checks', replaced.join(), '--phases', phases.join(), ...only],
    ...['--seed', String(round.seed), '--max-time', String(round.seconds), '--generation-database', 'none'],
    ...['--request-timeout', '20', '--continue-on-failure'],
  ];
  const env = { ...process.env, SCHEMATHESIS_HOOKS: resolve('test', 'fuzz', 'checks.py') };
  // It remembers what it found in the folder in which it runs.
  const child = spawn(resolve(command), args, { cwd: place.folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const late = setTimeout(() => child.kill('SIGKILL'), (round.seconds + 120) * 1000);
  const report: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (report.length > 0 || reportBegins.test(line)) report.push(line.slice(0, mostCharacters));
    else console.log(line.slice(0, mostCharacters));
  });
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(late);
  // Where nothing was found, the report is warnings about requests that were meant to be refused, and totals.
  for (const line of code === 0 ? report.filter((said) => totals.test(said)) : report) console.log(line);
  return code === 0;
};

interface Sending {
  readonly url: string;
  readonly key: string;
  /** What time it is, where requests say so. */
  readonly time: number | undefined;
}

const send = async (method: string, url: string, { key, body }: { key: string; body: unknown }): Promise<unknown> => {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
  const response = await fetch(url, { method, headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
  return response.json();
};

/** What a life before has left: known users and items, a list that was shown, a click on it. */
const live = async ({ url, key, time }: Sending): Promise<void> => {
  const said = time === undefined ? {} : { time };
  const items = Array.from({ length: 20 }, (_, id) => ({ id, length: 10 + id }));
  await send('PUT', `${url}/v1/items`, { key, body: items });
  await send('PUT', `${url}/v1/users`, { key, body: [{ id: 'u1' }, { id: 7, country: 'NZ' }] });
  const candidates = items.map(({ id }) => ({ id }));
  const ranked = await send('POST', `${url}/v1/rank`, { key, body: { user: { id: 7 }, candidates, ...said } });
  const { requestId } = ranked as { readonly requestId: string };
  const click = { id: `${requestId}/click`, requestId, item: 3, kind: 'click', user: 7, ...said };
  await send('POST', `${url}/v1/feedback`, { key, body: click });
};

const runRound = async (command: string, place: FuzzPlace, round: Round & Options): Promise<readonly string[]> => {
  console.log(`\n${round.title}: ${round.seconds} s, seed ${round.seed}`);
  const serving = await serve(round.service, [...place.flags, ...round.flags]);
  const problems: string[] = [];
  const sending = { url: serving.url, key: place.key };
  const time = round.flags.includes('--clock') ? Date.UTC(2024, 2, 1) : undefined;
  try {
    await live({ ...sending, time });
    if (!(await fuzz(command, { ...round, serving, place }))) problems.push('schemathesis found something, see above');
    if (serving.ending() === undefined)
      await live({ ...sending, time: time && time + 1 }).catch((error: unknown) => {
        problems.push(`a good request was not answered right after: ${String(error)}`);
      });
  } finally {
    await serving.stop();
  }
  if (serving.ending() !== 'exit 0') problems.push(`the service ended with ${serving.ending() ?? 'nothing'}`);
  problems.push(...serving.complaints.slice(0, 20).map((line) => `the service said ${line.slice(0, mostCharacters)}`));
  return problems;
};

interface Options {
  readonly seed: number;
  readonly service: string;
}

const whole = (text: string): number => {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number.');
  return Number(text);
};

const program = new Command('fuzz')
  .description('requests made from the API description, valid and not, against a real service')
  .option('--short', 'half a minute, for every change; ten minutes otherwise')
  .option('--seconds <n>', 'for how long', whole)
  .option('--seed <n>', 'the same seed makes the same requests', whole, 1)
  .option('--service <file>', 'the built command line', join('dist', 'cli', 'main.js'))
  .addHelpText('after', '\nExamples:\n  $ npm run fuzz -- --short\n  $ npm run fuzz -- --seed 7 --seconds 1800')
  .action(
    async ({
      short = false,
      seconds,
      ...options
    }: Options & { readonly short?: boolean; readonly seconds?: number }) => {
      const found = await schemathesis();
      if ('reason' in found) {
        console.log(`SKIPPED: fuzzing of the API needs schemathesis, and ${found.reason}`);
        return;
      }
      const folder = await mkdtemp(join(tmpdir(), 'watchnext-fuzz-'));
      try {
        const problems: string[] = [];
        for (const [index, round] of rounds(seconds ?? (short ? 30 : 500), short).entries()) {
          const place = await makePlace(join(folder, String(index)));
          problems.push(...(await runRound(found.command, place, { ...round, ...options })));
        }
        for (const problem of problems) console.log(`FOUND: ${problem}`);
        if (problems.length > 0) {
          console.log(`Again: npm run fuzz -- ${short ? '--short ' : ''}--seed ${options.seed}`);
          process.exitCode = 1;
        } else console.log(`Nothing found with seed ${options.seed}.`);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  );

await program.parseAsync();
