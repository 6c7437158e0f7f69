import { existsSync, statSync } from 'node:fs';
import { readdir, symlink } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { DuckDBInstance, StatementType, type DuckDBConnection, type DuckDBDataChunk } from '@duckdb/node-api';
import { WatchnextError } from '../../src/errors.js';
import { quoteText, type QueryColumn } from './columns.js';
import { makeTemporaryFolder } from './temporary-folder.js';
import type { DatasetSource } from './types.js';

/** A DuckDB database in a temporary folder that goes with it; what killed processes left of theirs goes when one is opened. */
export interface Database {
  readonly connection: DuckDBConnection;
  /** A streamed result of its own connection: several may be read at a time. */
  stream(sql: string): AsyncGenerator<DuckDBDataChunk>;
  /** The same as plain objects. */
  objects(sql: string): AsyncGenerator<Record<string, unknown>>;
  close(): void;
}

/** Rows of a query as plain objects; for small results. */
export const rowsOf = async (connection: DuckDBConnection, sql: string): Promise<Record<string, unknown>[]> =>
  (await connection.runAndReadAll(sql)).getRowObjectsJS();

/** DuckDB reads commas in a search path as separators and these as patterns; a link with a plain name avoids both. */
const awkward = /[,*?[\]']/;

export interface DatabaseOptions {
  /** Where relative file names in queries are looked for; in the working folder if left out. */
  readonly directory?: string;
  /** What DuckDB may hold in memory before it spills to a temporary folder, e.g. '2GB'; 1GB if left out. */
  readonly memoryLimit?: string;
  /** DuckDB threads; at most 4 if left out. */
  readonly threads?: number;
}

/** Rejects with data_missing if there is no such folder. */
export const openDatabase = async ({ directory = '.', memoryLimit, threads }: DatabaseOptions): Promise<Database> => {
  const folder = resolve(directory);
  if (!existsSync(folder)) {
    const problem = {
      path: directory,
      message: 'no such folder',
      hint: 'name the folder that holds the log files: --data DIR',
    };
    throw new WatchnextError('data_missing', `the data folder ${directory} does not exist`, { problems: [problem] });
  }
  if (!statSync(folder).isDirectory()) {
    const hint = `name its folder, --data ${dirname(directory)}: the query names the files in it`;
    const problem = { path: directory, message: 'is a file, not a folder', hint };
    throw new WatchnextError('data_missing', `the data folder ${directory} is a file`, { problems: [problem] });
  }
  const { path: temporary, remove } = await makeTemporaryFolder();
  let searched = folder;
  if (awkward.test(folder)) await symlink(folder, (searched = join(temporary, 'data')));
  const instance = await DuckDBInstance.create(join(temporary, 'log.duckdb'), {
    threads: String(threads ?? Math.min(4, availableParallelism())),
    memory_limit: memoryLimit ?? '1GB',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  for (const [name, value] of [
    ['temp_directory', join(temporary, 'spill')],
    ['file_search_path', searched],
    ['TimeZone', 'UTC'],
  ] as const) {
    await connection.run(`SET ${name} = ${quoteText(value)}`);
  }
  return {
    connection,
    async *stream(sql) {
      const reader = await instance.connect();
      try {
        const result = await reader.stream(sql);
        for (;;) {
          const chunk = await result.fetchChunk();
          if (chunk === null || chunk.rowCount === 0) return;
          yield chunk;
        }
      } finally {
        reader.closeSync();
      }
    },
    async *objects(sql) {
      const reader = await instance.connect();
      try {
        const result = await reader.stream(sql);
        for await (const rows of result.yieldRowObjectJs()) yield* rows;
      } finally {
        reader.closeSync();
      }
    },
    close() {
      connection.closeSync();
      instance.closeSync();
      remove();
    },
  };
};

/**
 * Names of existing files in the data folder made absolute. DuckDB looks for a plain name in the working folder before its
 * search path, so a file of the same name there would be read instead. (Patterns go to the search path first.)
 */
export const resolveFileNames = (sql: string, directory: string): string =>
  sql.replace(/(['"])([^'"\n]+)\1/g, (literal, quote: string, name: string) => {
    if (isAbsolute(name)) return literal;
    const path = join(resolve(directory), name);
    return existsSync(path) && statSync(path).isFile() && !/['"]/.test(path) ? quote + path + quote : literal;
  });

const folderHint = async (directory: string): Promise<string> => {
  const files = (await readdir(directory)).sort();
  const shown = files.slice(0, 12).join(', ');
  return files.length === 0
    ? `${directory} is empty`
    : `${directory} holds ${shown}${files.length > 12 ? ` and ${files.length - 12} more` : ''}`;
};

/** An error of DuckDB in the user's query, with the file and the line it points at. */
export const queryError = async (
  cause: unknown,
  { sqlFile, directory }: Pick<DatasetSource, 'sqlFile' | 'directory'>,
): Promise<WatchnextError> => {
  const text = cause instanceof Error ? cause.message : String(cause);
  const line = /^LINE (\d+):/m.exec(text)?.[1];
  const message = (text.split('\n')[0] ?? text).replace(/^(Failed to extract statements|Error): /, '').trim();
  const missing = /No files found that match/.test(text);
  const hint = missing ? await folderHint(directory) : excerpt(text);
  return new WatchnextError(missing ? 'data_missing' : 'data_invalid', `${sqlFile} could not be run`, {
    problems: [
      { path: line === undefined ? sqlFile : `${sqlFile}:${line}`, message, ...(hint === undefined ? {} : { hint }) },
    ],
    cause,
  });
};

/** What DuckDB says beyond the first line: candidates for a name, the place in the query. */
const excerpt = (text: string): string | undefined => {
  const rest = text
    .split('\n')
    .slice(1)
    .map((line) => line.replace(/^LINE \d+: /, ''))
    .filter((line) => line.trim() !== '');
  return rest.length === 0 ? undefined : rest.join('\n');
};

/**
 * The columns that a query will give. Refuses anything but one SELECT: the folder is only read, and nothing is installed.
 */
export const describeQuery = async (
  connection: DuckDBConnection,
  sql: string,
  sqlFile: string,
): Promise<QueryColumn[]> => {
  const refuse = (message: string): never => {
    throw new WatchnextError('data_invalid', `${sqlFile} must be one query`, {
      problems: [{ path: sqlFile, message, hint: 'one SELECT; WITH name AS (…) makes intermediate tables' }],
    });
  };
  // DuckDB's own answer to a text without any statement is an "error in native callback".
  if (sql.replace(/--.*|\/\*[^]*?\*\/|[\s;]/g, '') === '') refuse('has no statement');
  const statements = await connection.extractStatements(sql);
  if (statements.count !== 1) refuse(`has ${statements.count} statements`);
  const statement = await statements.prepare(0);
  if (statement.statementType !== StatementType.SELECT) {
    refuse(`is a ${StatementType[statement.statementType]} statement`);
  }
  if (statement.parameterCount > 0) refuse('has parameters (? or $name), which nothing fills');
  const columns = Array.from({ length: statement.columnCount }, (_, index) => ({
    name: statement.columnName(index),
    type: statement.columnType(index).toString(),
  }));
  statement.destroySync();
  return columns;
};
