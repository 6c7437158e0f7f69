import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { plotsOf } from './plots.js';
import type { ScenarioResult } from './result.js';
import { indexMarkdown, resultMarkdown } from './text.js';

/** Writes a scenario's JSON and pictures, and the index of all that are in the folder, in the order of `names`. */
export const writeResult = async (folder: string, result: ScenarioResult, names: readonly string[]): Promise<void> => {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${result.scenario}.json`), `${compactJson(result)}\n`);
  for (const [file, svg] of plotsOf(result)) await writeFile(join(folder, file), svg);
  await writeIndex(folder, names);
};

/** What `growth` found, for people; the index ends with it. */
export const growthFile = 'growth.md';

/** Lists of numbers and small objects in one line each: the file is read by people too. */
const compactJson = (result: ScenarioResult): string => {
  const { timeline, service, phases, ...rest } = result;
  const lines = (list: readonly unknown[]): string =>
    list.length === 0 ? '[]' : `[\n  ${list.map((entry) => JSON.stringify(entry)).join(',\n  ')}\n ]`;
  const text = JSON.stringify(rest, undefined, 1);
  const lists = Object.entries({ phases, timeline, service }).map(([name, list]) => ` "${name}": ${lines(list)}`);
  return `${text.slice(0, -2)},\n${lists.join(',\n')}\n}`;
};

/** Of all results that are in the folder. */
export const writeIndex = async (folder: string, names: readonly string[]): Promise<void> => {
  const found = await Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(folder, `${name}.json`), 'utf8').catch(() => undefined);
      return text === undefined ? [] : [JSON.parse(text) as ScenarioResult];
    }),
  );
  const results = found.flat();
  const growth = await readFile(join(folder, growthFile), 'utf8').catch(() => undefined);
  const sections = results.map((result) => resultMarkdown(result, [...plotsOf(result).keys()]));
  await writeFile(
    join(folder, 'README.md'),
    indexMarkdown(results, [...sections, ...(growth === undefined ? [] : [growth])]),
  );
};
