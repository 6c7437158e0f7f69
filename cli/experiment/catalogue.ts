import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openArtifacts, type RankerVersions } from '../../src/artifact/index.js';
import { loadRanker, type RankerDefinition } from '../../src/definition/index.js';
import { ifMissing } from '../../src/durable.js';
import { WatchnextError } from '../../src/errors.js';
import type { ArmCatalogue } from '../../src/experiments/index.js';

/**
 * What arms may name, of a models folder: rankers with a sealed version, as the active (else the newest) one defines them, and
 * those that have only a ranker.yaml so far. Undefined without a folder.
 */
export const catalogueOf = async (models: string | undefined): Promise<ArmCatalogue | undefined> => {
  if (models === undefined) return undefined;
  const artifacts = openArtifacts(models);
  const sealed = new Map((await artifacts.list()).map((each) => [each.ranker, each] as const));
  const learning = new Set<string>();
  for (const [ranker, { active, versions }] of sealed) {
    if (active === undefined) continue;
    const { manifest } = versions.find(({ version }) => version === active) ?? {};
    if (manifest?.stream !== undefined || (await artifacts.deltas(ranker, active)).length > 0) learning.add(ranker);
  }
  const definitions = new Map<string, RankerDefinition>();
  for (const name of await folders(models)) {
    const definition = sealedDefinition(sealed.get(name)) ?? (await writtenDefinition(join(models, name)));
    if (definition !== undefined) definitions.set(name, definition);
  }
  const names = [...new Set([...definitions.keys(), ...sealed.keys()])].sort();
  return {
    rankers: () => names,
    definitionOf: (ranker) => definitions.get(ranker),
    versions: (ranker) => sealed.get(ranker)?.versions.map(({ version }) => version) ?? [],
    learns: (ranker) => learning.has(ranker),
  };
};

const sealedDefinition = (ranker: RankerVersions | undefined): RankerDefinition | undefined => {
  const readable = ranker?.versions.filter(({ manifest }) => manifest !== undefined) ?? [];
  const chosen = readable.find(({ version }) => version === ranker?.active) ?? readable.at(-1);
  return chosen?.manifest?.definition.value;
};

const writtenDefinition = async (folder: string): Promise<RankerDefinition | undefined> => {
  const files = await readdir(folder).catch(ifMissing<string[]>([]));
  return files.includes('ranker.yaml') ? (await loadRanker(folder)).definition : undefined;
};

const folders = async (models: string): Promise<string[]> => {
  const entries = await readdir(models, { withFileTypes: true }).catch((cause: unknown) => {
    throw new WatchnextError('settings_invalid', `The models folder ${models} cannot be read.`, {
      problems: [
        { path: '--models', message: (cause as Error).message, hint: 'name the folder that holds the rankers' },
      ],
    });
  });
  return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name);
};
