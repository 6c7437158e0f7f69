import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openArtifacts } from '../../src/artifact/index.js';
import { SeededRandom } from '../../src/random.js';
import { goldenHeads, sealAgain } from './reseal.js';
import { madeUpRows, tableOfIds } from './tables.js';

/** Stands for a learner: publishes what one would, of the size that one would, without learning anything. */
export interface StandInLearner {
  /** An update of the active version: rows of items and users, the whole graph, golden rows. Answers its name. */
  publish(): Promise<string>;
  /** What has been published so far as a new sealed version, from which updates go on; not yet active. */
  seal(): Promise<string>;
}

/** Rows that change with one update: what a second of a busy log touches. */
const items = 1000;
const users = 200;
/** Sealed versions that stay in the folder. */
const keptVersions = 3;

export const createStandInLearner = async (options: {
  readonly models: string;
  readonly ranker: string;
  readonly seed: number;
}): Promise<StandInLearner> => {
  const { models, ranker, seed } = options;
  const artifacts = openArtifacts(models);
  const random = new SeededRandom(seed, 3);
  const artifact = await artifacts.load(ranker);
  const { definition, tables, golden, graph } = artifact;
  let base = artifact.manifest.version;
  const sealed: string[] = [];

  const changed = () => {
    const of = (field: 'item_id' | 'user_id', letter: string, count: number) => {
      const name = tableOfIds(definition, field);
      const table = name === undefined ? undefined : tables.get(name);
      if (name === undefined || table === undefined) return [];
      const first = random.below(Math.max(1, table.size - count));
      const ids = Array.from({ length: count }, (_, at) => `${letter}${first + at}`);
      const changes = madeUpRows(table.dim, ids, random);
      table.apply(changes);
      return [[name, changes] as const];
    };
    return new Map([...of('item_id', 'i', items), ...of('user_id', 'u', users)]);
  };

  return {
    publish: async () => {
      const { sequence, hash: previous } = await artifacts.endOfChain(ranker, base);
      const changes = changed();
      const heads = await goldenHeads(artifact);
      return artifacts.publishDelta({
        ...{ ranker, base, sequence: sequence + 1, previous, createdMs: Date.now(), graph },
        tables: changes,
        golden: { batch: golden.batch, heads },
        learned: { until: Date.now(), rows: items, feedbackTimes: Float64Array.of(Date.now()) },
      });
    },
    seal: async () => {
      base = await sealAgain(models, artifact, Date.now());
      sealed.push(base);
      for (const old of sealed.splice(0, Math.max(0, sealed.length - keptVersions)))
        await rm(join(models, ranker, old), { recursive: true, force: true });
      return base;
    },
  };
};
