import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseDefinition, type RankerDefinition } from '../../src/definition/index.js';
import { WatchnextError } from '../../src/errors.js';
import { openDataset, type Dataset, type DatasetSource, type LoggedRequest } from '../../training/dataset/index.js';

/** A folder of files that goes when the test ends. */
export const folderOf = async (
  files: Readonly<Record<string, string | Uint8Array>>,
  name = 'logs',
): Promise<{ directory: string; [Symbol.asyncDispose](): Promise<void> }> => {
  const root = await mkdtemp(join(tmpdir(), 'watchnext-test-'));
  const directory = join(root, name);
  await mkdir(directory);
  for (const [file, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, file)), { recursive: true });
    await writeFile(join(directory, file), content);
  }
  return { directory, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
};

/** The smallest ranker over given features and tasks (YAML flow lines). */
export const rankerOf = (
  features = '{item: {kind: id, scope: candidate, from: item_id, dim: 2}}',
  tasks = '{click: {kind: binary, label: clicked}}',
  rest = '',
): RankerDefinition =>
  parseDefinition(
    `name: small\nfeatures: ${features}\ntasks: ${tasks}\nnetwork: {kind: shared_bottom}\n` +
      `score: {form: sum, weights: {${/^\{(\w+)/.exec(tasks)?.[1] ?? 'click'}: 1}}\n${rest}`,
  );

type Rest = Partial<DatasetSource>;

/** Opens a query that needs no file. */
export const openRows = async (sql: string, rest: Rest = {}): Promise<Dataset> => {
  const empty = await folderOf({});
  try {
    return await openDataset({
      definition: rankerOf(),
      sql,
      sqlFile: 'dataset.sql',
      directory: empty.directory,
      threads: 1,
      ...rest,
    });
  } finally {
    await empty[Symbol.asyncDispose]();
  }
};

export const collect = async (
  dataset: Dataset,
  range?: { from?: number; until?: number },
): Promise<LoggedRequest[]> => {
  const requests: LoggedRequest[] = [];
  for await (const request of dataset.requests(range)) requests.push(request);
  return requests;
};

/** All requests of a query that needs no file. */
export const requestsOfRows = async (sql: string, rest: Rest = {}): Promise<LoggedRequest[]> => {
  const dataset = await openRows(sql, rest);
  try {
    return await collect(dataset);
  } finally {
    await dataset.close();
  }
};

/** The error that opening ends with. */
export const errorOf = async (opening: Promise<Dataset>): Promise<WatchnextError> => {
  try {
    await (await opening).close();
  } catch (error) {
    if (error instanceof WatchnextError) return error;
    throw error;
  }
  throw new Error('it opened');
};

/** Problems as lines of text, to match against. */
export const problemsOf = (error: WatchnextError): string[] =>
  error.problems.map(({ path, message, hint }) => `${path}: ${message}; ${hint ?? ''}`);
