import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Ajv, type ErrorObject } from 'ajv';
import { LineCounter } from 'yaml';
import { WatchnextError, type Problem } from '../errors.js';
import { lazily } from '../lazily.js';
import { checkDefinition } from './checks.js';
import { explain } from './explain.js';
import { RankerSchema, type RankerDefinition } from './schema.js';
import { checkUsable } from './usable.js';
import { lineOf, readYaml } from './yaml.js';

const ajv = new Ajv({
  allErrors: true,
  discriminator: true,
  strict: true,
  strictRequired: false,
  allowUnionTypes: true,
  verbose: true,
});
const validator = lazily(() => ajv.compile<RankerDefinition>(RankerSchema));

/** A list of a hundred thousand categories fits. */
const mostCharacters = 2 ** 21;
/** Of keys that stand twice. */
const mostProblems = 20;

/**
 * A ranker definition from the text of a ranker.yaml. Throws `definition_invalid` with every problem there is: each names
 * file and line, the path, what is wrong and what is allowed.
 */
export const parseDefinition = (text: string, file = 'ranker.yaml'): RankerDefinition => {
  const lines = new LineCounter();
  const refuse = (problems: readonly Problem[]): never => {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    throw new WatchnextError('definition_invalid', `${file} has ${count}`, { problems });
  };
  if (text.length > mostCharacters)
    refuse([
      { path: `${file}:1`, message: `has more than ${mostCharacters} characters`, hint: 'it describes a ranker' },
    ]);
  const { document, value, problems: unreadable } = readYaml(text, lines);
  if (unreadable.length > 0) {
    refuse(unreadable.slice(0, mostProblems).map(({ line, ...told }) => ({ path: `${file}:${line}`, ...told })));
  }
  if (value === null) {
    refuse([
      { path: `${file}:1`, message: 'the file is empty', hint: 'start with name, features, tasks, network, score' },
    ]);
  }
  const located = (found: { path: readonly (string | number)[]; message: string; hint?: string }): Problem => ({
    path: `${file}:${lineOf(document, lines, found.path)} ${found.path.join('.') || '(top level)'}`,
    message: found.message,
    ...(found.hint === undefined ? {} : { hint: found.hint }),
  });
  const validate = validator();
  if (!validate(value)) {
    const refused = explain(validate.errors as ErrorObject[]);
    refuse([...refused, ...checkUsable(value, refused)].map(located));
  }
  const definition = value as RankerDefinition;
  const problems = checkDefinition(definition);
  if (problems.length > 0) refuse(problems.map(located));
  return definition;
};

/** A ranker on disk: its definition and the query that makes its data set. */
export interface Ranker {
  readonly file: string;
  readonly text: string;
  readonly definition: RankerDefinition;
  /** dataset.sql beside the definition; undefined when there is none (enough to serve, not to train). */
  readonly sql: string | undefined;
  readonly sqlFile: string;
}

const isFolder = async (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

const readText = async (file: string): Promise<string | undefined> => {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new WatchnextError('definition_invalid', `${file} could not be read: ${(cause as Error).message}`, { cause });
  }
};

/** Reads and checks a ranker.yaml, with the dataset.sql beside it. A folder stands for the ranker.yaml in it. */
export const loadRanker = async (path: string): Promise<Ranker> => {
  const file = (await isFolder(path)) ? join(path, 'ranker.yaml') : path;
  const text = await readText(file);
  if (text === undefined) {
    throw new WatchnextError('definition_invalid', `${file} does not exist`, {
      problems: [
        {
          path: file,
          message: 'no such file',
          hint: 'name a ranker.yaml or the folder that holds it, for example models/demo',
        },
      ],
    });
  }
  const sqlFile = join(dirname(file), 'dataset.sql');
  return { file, text, definition: parseDefinition(text, file), sql: await readText(sqlFile), sqlFile };
};
