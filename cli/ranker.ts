import { availableParallelism } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { nameHint } from '../src/nearest.js';
import { WatchnextError } from '../src/errors.js';
import type { Ranker } from '../src/definition/index.js';
import type { DatasetSource } from '../training/dataset/index.js';
import type { EngineFactory } from '../training/fit/index.js';
import { pointInTime } from './arguments.js';

/** What opens a ranker's data set in a folder; says what is missing when there is no query. */
export const datasetSource = ({ definition, sql, sqlFile }: Ranker, directory: string): DatasetSource => {
  if (sql === undefined) {
    throw new WatchnextError('data_missing', `${sqlFile} does not exist`, {
      problems: [
        {
          path: sqlFile,
          message: 'a ranker that is trained needs the query that makes its data set',
          hint: 'write a SELECT over the files of the data folder, with a column time and one per field and label',
        },
      ],
    });
  }
  return { definition, sql, sqlFile, directory };
};

/** What goes wrong later where a ranker lies in a folder of another name; undefined where it does not. */
export const folderDoubt = ({ definition: { name }, file }: Ranker): string | undefined => {
  const folder = basename(dirname(resolve(file)));
  if (folder === name) return undefined;
  return `the ranker is called ${name} and lies in the folder ${folder}: its versions go to the folder ${name} of the models folder, where learn, tune and experiments look for its ranker.yaml too`;
};

export const engineNamed = async (name: string): Promise<EngineFactory> => {
  const { createOnnxEngine, createTfjsNodeEngine } = await import('../training/fit/index.js');
  const engines: Readonly<Record<string, EngineFactory>> = {
    onnx: (options) => createOnnxEngine({ threads: Math.min(4, availableParallelism()), ...options }),
    'tfjs-node': (options) => createTfjsNodeEngine(options),
  };
  const engine = engines[name];
  if (engine === undefined) throw new InvalidArgumentError(nameHint(name, Object.keys(engines)));
  return engine;
};

/** A time on the command line, in the ranker's own zone where it names none. */
export const timeFlag = (flag: string, text: string, ranker: Ranker): number => {
  try {
    return pointInTime(text, ranker.definition.training?.timezone ?? 'UTC');
  } catch (error) {
    throw new WatchnextError('usage', `${flag} ${text}: ${(error as Error).message}`);
  }
};
