import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createKey, roles } from '../../src/security/index.js';
import { simulatedLog } from '../fit/world.js';
import { definition, sealInto } from '../faults/sealed.js';

/** What a service to be fuzzed starts from. */
export interface FuzzPlace {
  readonly folder: string;
  readonly ranker: string;
  /** Sealed versions, oldest first; the last one is active. */
  readonly versions: readonly string[];
  /** May do everything, and is limited so far above what a run sends that its answers say how much is left. */
  readonly key: string;
  /** Flags of `watchnext serve`. */
  readonly flags: readonly string[];
}

/** One layer on weights, one on exploration: answers name arms, order is varied, exposures are logged. */
const experiments = {
  features: {
    'watchnext.score': {
      defaultValue: {},
      rules: [
        {
          key: 'satisfaction',
          phase: '1',
          hashVersion: 2,
          variations: [{}, { weights: { watch: 1 } }],
          weights: [0.5, 0.5],
          meta: [{ key: 'control' }, { key: 'more' }],
        },
      ],
    },
    'watchnext.exploration': {
      defaultValue: {},
      rules: [
        {
          key: 'exploration',
          phase: '1',
          hashVersion: 2,
          variations: [{}, { exploration: { share: 0.5, temperature: 0.3, swaps: 0.5 } }],
          weights: [0.5, 0.5],
          meta: [{ key: 'none' }, { key: 'some' }],
        },
      ],
    },
  },
};

/** Two trained versions of a small ranker, experiments, and folders for the store and the log. */
export const makePlace = async (folder: string): Promise<FuzzPlace> => {
  await mkdir(folder, { recursive: true });
  const models = join(folder, 'models');
  const versions: string[] = [];
  for (const seed of [1, 2]) versions.push(await sealInto(models, simulatedLog({ requests: 60, seed })));
  await writeFile(join(folder, 'experiments.json'), JSON.stringify(experiments));
  const limits = { requestsPerSecond: 1e6 };
  const { key, entry } = createKey({ name: 'fuzz', roles, limits });
  await writeFile(join(folder, 'keys.json'), JSON.stringify({ keys: [entry] }));
  const paths = {
    'keys-file': 'keys.json',
    models: 'models',
    store: 'store',
    'log-directory': 'log',
    experiments: 'experiments.json',
  };
  const flags = Object.entries(paths).flatMap(([name, path]) => [`--${name}`, join(folder, path)]);
  return { folder, ranker: definition.name, versions, key, flags: [...flags, '--port', '0'] };
};
