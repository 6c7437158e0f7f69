import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { buildIndex, buildStudyReport, type StudyResult, type StudyRun } from '../../training/studies/index.js';
import type { Study, StudySize } from './types.js';

export interface RunStudyOptions {
  readonly study: Study;
  readonly seed: number;
  readonly short: boolean;
  readonly size: StudySize;
  /** Made if it is not there; the study's files in it are overwritten. */
  readonly directory: string;
  /** What runs it again, for the report. */
  readonly command: string;
  /** Of the index. */
  readonly order: readonly string[];
  readonly onProgress?: (done: number, total: number) => void;
}

export interface FinishedStudy {
  readonly result: StudyResult;
  readonly run: StudyRun;
  /** The report's markdown file. */
  readonly file: string;
}

/** Runs a study and writes its report, its pictures and its numbers, and the index of all that are in the folder. */
export const runStudy = async (options: RunStudyOptions): Promise<FinishedStudy> => {
  const { study, seed, short, size, command, directory, order, onProgress } = options;
  const started = performance.now();
  const { found, plots } = await study.run({ seed, short, size, ...(onProgress && { onProgress }) });
  const result: StudyResult = { study: study.name, title: study.title, seed, short, ...found };
  const run = {
    command,
    seconds: Math.round((performance.now() - started) / 100) / 10,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    node: process.versions.node,
  };
  const report = buildStudyReport(result, run, plots);
  const file = join(directory, `${result.study}.md`);
  await mkdir(directory, { recursive: true });
  await writeFile(file, report.markdown);
  for (const [name, svg] of report.plots) await writeFile(join(directory, name), svg);
  await writeFile(join(directory, `${result.study}.json`), `${JSON.stringify({ result, run }, undefined, 1)}\n`);
  await writeIndex(directory, order);
  return { result, run, file };
};

const writeIndex = async (directory: string, order: readonly string[]): Promise<void> => {
  const found = await Promise.all(
    order.map(async (name) => {
      const text = await readFile(join(directory, `${name}.json`), 'utf8').catch(() => undefined);
      return text === undefined ? [] : [JSON.parse(text) as Pick<FinishedStudy, 'result' | 'run'>];
    }),
  );
  await writeFile(join(directory, 'README.md'), buildIndex(found.flat()));
};
