import { dirname } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { WatchnextError } from '../src/errors.js';
import {
  addKey,
  createKey,
  parseKeys,
  readKeys,
  removeKey,
  roles,
  type KeyEntry,
  type Role,
} from '../src/security/index.js';
import { duration, pointInTime, positiveNumber } from './arguments.js';
import { formatTable, note, print } from './output.js';
import { requireWritable } from './writable.js';

export const keyCommand = (now: () => number = Date.now): Command =>
  new Command('key')
    .addHelpText(
      'after',
      `
A service that was started with the same file (--keys-file, WATCHNEXT_KEYS_FILE) follows it: no restart is needed.

Examples:
  $ watchnext key create --name web --role rank --role feedback
  $ watchnext key create --name deploy --role admin --expires 90d --file keys.yaml
  $ watchnext key create --name partner --role rank --requests-per-second 50 --concurrent 8
  $ watchnext key list
  $ watchnext key revoke 3f9a1c20b7de`,
    )
    .addCommand(createCommand(now))
    .addCommand(listCommand(now))
    .addCommand(revokeCommand());

interface CreateFlags {
  readonly file: string;
  readonly name: string;
  readonly role: readonly Role[];
  readonly expires?: number;
  readonly requestsPerSecond?: number;
  readonly burst?: number;
  readonly concurrent?: number;
  readonly candidatesPerSecond?: number;
  readonly json?: boolean;
}

const withFile = (command: Command): Command =>
  command.option(
    '--file <file>',
    'of keys, JSON or YAML by its name',
    process.env['WATCHNEXT_KEYS_FILE'] ?? 'keys.json',
  );

const examples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ watchnext key ${line}`).join('\n')}`;

const createCommand = (now: () => number): Command =>
  withFile(new Command('create').description('make a key; it is printed once, the file gets its hash'))
    .requiredOption('--name <name>', 'who uses it: for logs and metrics')
    .requiredOption('--role <role>', `what it is for, ${roles.join(', ')}; may be given again`, role)
    .option('--expires <when>', 'a length of time such as 90d, or a day or time; never if left out', (text) =>
      expiry(text, now()),
    )
    .option('--requests-per-second <n>', 'more are refused with 429', positiveNumber)
    .option('--burst <n>', 'requests that may come at once; as many as in a second if left out', positiveNumber)
    .option('--concurrent <n>', 'requests that are answered at the same time', positiveNumber)
    .option('--candidates-per-second <n>', 'candidates that are ranked', positiveNumber)
    .option('--json', 'the key and its entry as JSON')
    .addHelpText(
      'after',
      examples(
        'create --name web --role rank --role feedback',
        'create --name deploy --role admin --expires 90d --file keys.yaml',
      ),
    )
    .action(async ({ file, name, role: given, expires, json, ...limits }: CreateFlags) => {
      if (limits.burst !== undefined && limits.requestsPerSecond === undefined)
        throw usage('--burst', 'needs --requests-per-second');
      const { key, entry } = createKey({
        name,
        roles: roles.filter((each) => given.includes(each)),
        created: iso(now()),
        ...(expires !== undefined && { expires: iso(expires) }),
        ...(Object.keys(limits).length > 0 && { limits }),
      });
      // Before anything is written: a name that cannot be one.
      parseKeys(JSON.stringify({ keys: [entry] }), 'key.json');
      await requireWritable(dirname(file), '--file');
      await addKey(file, entry);
      if (json === true) print(JSON.stringify({ key, entry }, null, 2));
      else print(key);
      note(
        `Added ${entry.id} (${name}: ${entry.roles.join(', ')}) to ${file}. The key is shown only now; the file has its hash.`,
      );
    });

const listCommand = (now: () => number): Command =>
  withFile(new Command('list').description('print the keys of a file, without what would make them usable'))
    .option('--json', 'as JSON')
    .addHelpText('after', examples('list', 'list --file keys.yaml --json'))
    .action(async ({ file, json }: { file: string; json?: boolean }) => {
      const keys = await readKeys(file);
      const shown = keys.map((entry) => ({ ...entry, hash: undefined, expired: hasExpired(entry.expires, now()) }));
      if (json === true) print(JSON.stringify(shown, null, 2));
      else if (shown.length === 0) print('There are no keys.');
      else print(formatTable(['id', 'name', 'roles', 'created', 'expires', 'limits'], shown.map(rowOf)));
    });

const revokeCommand = (): Command =>
  withFile(new Command('revoke').description('take a key out: it is refused from then on'))
    .argument('<key>', 'its id, or its name where only one key has it')
    .addHelpText('after', examples('revoke 3f9a1c20b7de', 'revoke partner --file keys.yaml'))
    .action(async (called: string, { file }: { file: string }) => {
      const keys = await readKeys(file);
      const found = keys.filter(({ id }) => id === called);
      const named = found.length > 0 ? found : keys.filter(({ name }) => name === called);
      const [key] = named;
      if (key === undefined) throw usage('key', `there is no key ${called.slice(0, 63)} in ${file}`);
      if (named.length > 1)
        throw usage(
          'key',
          `${named.length} keys are named ${called}: say which, ${named.map(({ id }) => id).join(' or ')}`,
        );
      await removeKey(file, key.id);
      print(`Revoked ${key.id} (${key.name}).`);
    });

const role = (text: string, before: readonly Role[] = []): readonly Role[] => {
  const found = roles.find((each) => each === text);
  if (found === undefined) throw new InvalidArgumentError(`must be one of ${roles.join(', ')}.`);
  return [...before, found];
};

const expiry = (text: string, nowMs: number): number =>
  /^\d+(\.\d+)?[a-z]+$/.test(text) ? nowMs + duration(text) : pointInTime(text);

/** To the second. */
const iso = (timeMs: number): string => `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
const hasExpired = (expires: string | undefined, nowMs: number): boolean =>
  expires !== undefined && Date.parse(expires) <= nowMs;

const rowOf = (entry: Omit<KeyEntry, 'hash'> & { readonly expired: boolean }): string[] => [
  entry.id,
  entry.name,
  entry.roles.join(', '),
  entry.created ?? '',
  entry.expires === undefined ? 'never' : `${entry.expires}${entry.expired ? ' (expired)' : ''}`,
  Object.entries(entry.limits ?? {})
    .map(([limit, value]) => `${limit} ${value}`)
    .join(', '),
];

const usage = (path: string, message: string): WatchnextError =>
  new WatchnextError('usage', `This cannot be done: ${path} ${message}.`, { problems: [{ path, message }] });
