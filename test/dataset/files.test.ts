import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, test } from '@jest/globals';
import { openDataset, type LoggedRequest } from '../../training/dataset/index.js';
import { collect, errorOf, folderOf, problemsOf, rankerOf } from './builder.js';

const open = (directory: string, sql: string) =>
  openDataset({ definition: rankerOf(), sql, sqlFile: 'models/x/dataset.sql', directory, threads: 1 });
const read = async (directory: string, sql: string): Promise<LoggedRequest[]> => {
  const dataset = await open(directory, sql);
  try {
    return await collect(dataset);
  } finally {
    await dataset.close();
  }
};
const clicks = (requests: readonly LoggedRequest[]): unknown[] =>
  requests.map(({ candidates, labels }) => [candidates[0]?.['item_id'], labels[0]?.[0]]);
const temporaries = (): string[] =>
  readdirSync(tmpdir()).filter((name) => name.startsWith(`watchnext-data-${process.pid}-`));

describe('files of the data folder', () => {
  test('CSV, gzipped CSV, JSON and Parquet are read by relative names and patterns', async () => {
    await using folder = await folderOf({
      'log-1.csv': 'time,item,clicked\n1000,a,1\n',
      'log-2.csv.gz': gzipSync('time,item,clicked\n2000,b,0\n'),
      'more/log.json': '{"time": 3000, "item": "c", "clicked": 1}\n',
    });
    const connection = await (await DuckDBInstance.create()).connect();
    await connection.run(`COPY (SELECT 4000 AS time, 'd' AS item, 0 AS clicked) TO '${folder.directory}/log.parquet'`);
    const sql = `
      SELECT time, item AS item_id, clicked FROM read_csv('log*.csv*')
      UNION ALL SELECT time, item, clicked FROM 'more/log.json'
      UNION ALL SELECT time, item, clicked FROM 'log.parquet';  `;
    expect(clicks(await read(folder.directory, sql))).toEqual([
      ['a', 1],
      ['b', 0],
      ['c', 1],
      ['d', 0],
    ]);
  });

  test('win over files of the same name in the working folder', async () => {
    expect(existsSync('package.json')).toBe(true);
    await using folder = await folderOf({ 'package.json': '{"time": 1000, "item_id": "mine", "clicked": 1}\n' });
    expect(clicks(await read(folder.directory, "FROM 'package.json'"))).toEqual([['mine', 1]]);
  });

  test('may lie in a folder with commas, brackets and quotes in its name', async () => {
    await using folder = await folderOf({ 'log.csv': 'time,item_id,clicked\n1000,a,1\n' }, "it's [a], *b*");
    expect(clicks(await read(folder.directory, "FROM 'log.csv'"))).toEqual([['a', 1]]);
    expect(clicks(await read(folder.directory, "FROM 'l*.csv'"))).toEqual([['a', 1]]);
  });

  test('leave nothing behind, neither when all is well nor after an error', async () => {
    await using folder = await folderOf({ 'log.csv': 'time,item_id,clicked\n1000,a,1\n' });
    // The suite that this process ran before may still be tidying up.
    const others = temporaries();
    const own = (): string[] => temporaries().filter((name) => !others.includes(name));
    const dataset = await open(folder.directory, "FROM 'log.csv'");
    expect(own()).toHaveLength(1);
    await dataset.close();
    await errorOf(open(folder.directory, 'SELECT 1 AS time'));
    expect(own()).toHaveLength(0);
    expect(readdirSync(folder.directory)).toEqual(['log.csv']);
  });

  test('that are missing are an error that lists what is there', async () => {
    await using folder = await folderOf({ 'ratings.csv': 'a\n1\n' });
    const error = await errorOf(open(folder.directory, "SELECT *\nFROM read_csv('log*.csv')"));
    expect(error.code).toBe('data_missing');
    expect(problemsOf(error)).toEqual([
      expect.stringMatching(/^models\/x\/dataset\.sql:2: .*log\*\.csv.*holds ratings\.csv$/),
    ]);
  });

  test('need their folder', async () => {
    const error = await errorOf(open('/no/such/folder', 'SELECT 1 AS time'));
    expect(error.code).toBe('data_missing');
    expect(problemsOf(error)[0]).toMatch(/no such folder/);
  });
});

test('a data folder that is a file is told as one, with its folder', async () => {
  await using files = await folderOf({ 'log.csv': 'time,clicked\n1,0\n' });
  const file = join(files.directory, 'log.csv');
  const error = await errorOf(open(file, "FROM 'log.csv'"));
  expect(problemsOf(error)).toEqual([
    `${file}: is a file, not a folder; name its folder, --data ${files.directory}: the query names the files in it`,
  ]);
});
