import { readFile } from 'node:fs/promises';
import { Type } from '@sinclair/typebox';
import { Ajv, type ErrorObject } from 'ajv';
import { isSeq, parse, parseDocument, YAMLError } from 'yaml';
import { replaceDurably } from '../durable.js';
import { exclusively } from '../exclusive.js';
import { WatchnextError, type Problem } from '../errors.js';
import { lazily } from '../lazily.js';
import { roles, type KeyEntry } from './types.js';

const Time = Type.String({
  pattern: '^\\d{4}-\\d\\d-\\d\\d(T\\d\\d:\\d\\d(:\\d\\d(\\.\\d{1,3})?)?(Z|[+-]\\d\\d:\\d\\d))?$',
});
const Rate = (description: string) => Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1e9, description }));
const Entry = Type.Object(
  {
    id: Type.String({ pattern: '^[0-9a-f]{12}$', description: '12 hex digits, as in the key' }),
    name: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$',
      description: 'letters, digits, "_", "." or "-", at most 63',
    }),
    roles: Type.Array(
      Type.Union(
        roles.map((role) => Type.Literal(role)),
        { description: `one of ${roles.join(', ')}` },
      ),
      { minItems: 1, maxItems: roles.length, uniqueItems: true },
    ),
    hash: Type.String({ pattern: '^sha256:[0-9a-f]{64}$', description: 'as watchnext key create writes it' }),
    created: Type.Optional(Time),
    expires: Type.Optional({ ...Time, description: 'an ISO time, such as 2027-01-01 or 2027-01-01T12:00:00Z' }),
    limits: Type.Optional(
      Type.Object(
        {
          requestsPerSecond: Rate('a number above 0'),
          burst: Type.Optional(Type.Integer({ minimum: 1, maximum: 1e9, description: 'a whole number above 0' })),
          concurrent: Type.Optional(Type.Integer({ minimum: 1, maximum: 1e6, description: 'a whole number above 0' })),
          candidatesPerSecond: Rate('a number above 0'),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);
const mostKeys = 10_000;
const File = Type.Object({ keys: Type.Array(Entry, { maxItems: mostKeys }) }, { additionalProperties: false });
const checker = lazily(() =>
  new Ajv({ allErrors: true, strict: false, verbose: true }).compile<{ keys: readonly KeyEntry[] }>(File),
);

const mostBytes = 16 * 2 ** 20;

/** The keys of a file. Throws `keys_invalid` with all problems at once; no problem repeats what the file holds. */
export const readKeys = async (file: string): Promise<readonly KeyEntry[]> => parseKeys(await readText(file), file);

/** The text of a keys file. Throws `keys_invalid` where there is none. */
export const readText = async (file: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    const message = code === 'ENOENT' ? 'there is no such file' : `cannot be read (${code})`;
    throw refusal(file, [{ path: file, message, hint: 'watchnext key create makes it' }], cause);
  }
};

/** The keys of a text, JSON or YAML. Throws `keys_invalid`. */
export const parseKeys = (text: string, file: string): readonly KeyEntry[] => {
  if (text.length > mostBytes)
    throw refusal(file, [{ path: file, message: `is larger than ${mostBytes / 2 ** 20} MiB` }]);
  let value: unknown;
  try {
    value = file.endsWith('.json') ? JSON.parse(text) : parse(text, { maxAliasCount: 0, logLevel: 'silent' });
  } catch (error) {
    // The parsers’ own words quote the text.
    const at = error instanceof YAMLError ? error.linePos?.[0] : undefined;
    const message = `is not ${file.endsWith('.json') ? 'JSON' : 'YAML'}`;
    throw refusal(file, [{ path: at === undefined ? file : `${file}:${at.line}`, message }]);
  }
  const check = checker();
  if (!check(value)) throw refusal(file, (check.errors ?? []).slice(0, mostProblems).map(problemOf));
  const { keys } = value;
  const problems = [...sameIds(keys), ...badTimes(keys)];
  if (problems.length > 0) throw refusal(file, problems.slice(0, mostProblems));
  return keys;
};

/** Adds a key; makes the file where there is none. Comments of a YAML file stay. */
export const addKey = (file: string, entry: KeyEntry): Promise<void> =>
  change(file, (document, keys) => {
    const list: unknown = document.get('keys');
    // An empty list is written [], and what is added to it would be written so too.
    if (isSeq(list)) list.flow = false;
    document.setIn(['keys', keys.length], document.createNode(entry));
  });

/** Takes a key out, if it is there. */
export const removeKey = (file: string, id: string): Promise<void> =>
  change(file, (document, keys) => {
    const place = keys.findIndex((key) => key.id === id);
    if (place >= 0) document.deleteIn(['keys', place]);
  });

type Document = ReturnType<typeof parseDocument>;

type Edit = (document: Document, keys: readonly KeyEntry[]) => void;

/** One at a time: of two changes at once neither is lost. */
const change = (file: string, edit: Edit): Promise<void> => exclusively(file, () => changeNow(file, edit));

/** Reads, changes and replaces the file as a whole: a service that reads it sees the keys before or after. */
const changeNow = async (file: string, edit: Edit): Promise<void> => {
  const text = await readText(file).catch((error: unknown) => {
    if (((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return '{"keys": []}';
    throw error;
  });
  const keys = parseKeys(text, file);
  const document = parseDocument(text === '{"keys": []}' && !file.endsWith('.json') ? 'keys: []' : text);
  edit(document, keys);
  const changed = file.endsWith('.json') ? `${JSON.stringify(document.toJS(), null, 2)}\n` : document.toString();
  parseKeys(changed, file);
  await replaceDurably(file, changed);
};

const mostProblems = 20;

const problemOf = ({ instancePath, keyword, parentSchema, message = 'is wrong' }: ErrorObject): Problem => {
  if (keyword === 'additionalProperties') {
    // Not which: a key may have been written in a name's place.
    const known = Object.keys((parentSchema?.properties as object | undefined) ?? {});
    return {
      path: pathOf(instancePath),
      message: 'has a name that is not known',
      hint: `allowed: ${known.join(', ')}`,
    };
  }
  const description = parentSchema?.description as string | undefined;
  return {
    path: pathOf(instancePath),
    message: description === undefined || keyword === 'required' ? message : `must be ${description}`,
  };
};

const pathOf = (instancePath: string): string => (instancePath === '' ? '/' : instancePath);

const sameIds = (keys: readonly KeyEntry[]): Problem[] => {
  const seen = new Set<string>();
  return keys.flatMap(({ id }, i) =>
    seen.size < seen.add(id).size ? [] : [{ path: `/keys/${i}/id`, message: 'is the id of an earlier key too' }],
  );
};

const badTimes = (keys: readonly KeyEntry[]): Problem[] =>
  keys.flatMap(({ expires }, i) =>
    expires === undefined || Number.isFinite(Date.parse(expires))
      ? []
      : [{ path: `/keys/${i}/expires`, message: 'is no time' }],
  );

const refusal = (file: string, problems: readonly Problem[], cause?: unknown): WatchnextError =>
  new WatchnextError('keys_invalid', `The keys of ${file} cannot be used.`, {
    problems,
    ...(cause !== undefined && { cause }),
  });
