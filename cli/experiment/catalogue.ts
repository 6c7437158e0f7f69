import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openArtifacts } from '../../src/artifact/index.js';
import { loadRanker, type RankerDefinition } from '../../src/definition/index.js';
import { WatchnextError } from '../../src/errors.js';
import type { ArmCatalogue } from '../../src/experiments/index.js';

/** What the arms may name, of a models folder: by ranker.yaml, and the sealed versions. Undefined without a folder. */
export const catalogueOf = async (models: string | undefined): Promise<ArmCatalogue | undefined> => {
  if (models === undefined) return undefined;
  const sealed = await openArtifacts(models).list();
  const definitions = new Map<string, RankerDefinition>();
  for (const { name } of (await folders(models)).filter(
    (entry) => entry.isDirectory() && !entry.name.startsWith('.'),
  )) {
    const ranker = await loadRanker(join(models, name)).catch((error: unknown) => {
      if (error instanceof WatchnextError && sealed.some(({ ranker }) => ranker === name)) return undefined;
      throw error;
    });
    if (ranker !== undefined) definitions.set(name, ranker.definition);
  }
  const names = [...new Set([...definitions.keys(), ...sealed.map(({ ranker }) => ranker)])].sort();
  return {
    rankers: () => names,
    definitionOf: (ranker) => definitions.get(ranker),
    versions: (ranker) => sealed.find((each) => each.ranker === ranker)?.versions.map(({ version }) => version) ?? [],
  };
};

const folders = async (models: string) =>
  readdir(models, { withFileTypes: true }).catch((cause: unknown) => {
    throw new WatchnextError('settings_invalid', `The models folder ${models} cannot be read.`, {
      problems: [
        { path: '--models', message: (cause as Error).message, hint: 'name the folder that holds the rankers' },
      ],
    });
  });
