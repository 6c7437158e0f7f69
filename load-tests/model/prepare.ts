import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeServingModel, type ServingModel } from '../../bench/serving-model.js';
import { SeededRandom } from '../../src/random.js';
import { changeTables } from './reseal.js';
import { fillTable, tableOfIds } from './tables.js';

/** A folder with a sealed model whose weights and people are made up, ready to be served. */
export interface Prepared {
  readonly models: string;
  readonly ranker: string;
  /** Active. */
  readonly version: string;
  readonly contexts: readonly Readonly<Record<string, unknown>>[];
  /** What is put before the first request: users `u0`.. and items `i0`.., in parts that fit one request. */
  readonly entities: readonly { readonly path: '/v1/items' | '/v1/users'; readonly body: string }[];
}

export interface PrepareOptions {
  readonly folder: string;
  /** A ranker.yaml. */
  readonly definition: string;
  readonly users: number;
  readonly items: number;
  /** Only every so manieth item of the table is known to the store and asked for; 1 if left out. */
  readonly itemStride?: number;
  readonly seed: number;
}

const entitiesAtOnce = 1000;

export const prepareModel = async (options: PrepareOptions): Promise<Prepared> => {
  const { folder, definition: file, users, items, itemStride = 1, seed } = options;
  const models = join(folder, 'models');
  await mkdir(models, { recursive: true });
  const made = await makeServingModel(file, { float32: models });
  const ranker = made.definition.name;
  const random = new SeededRandom(seed, 4);
  const version = await changeTables({
    models,
    ranker,
    change: (tables) => {
      for (const { field, letter, count } of [
        { field: 'item_id', letter: 'i', count: items * itemStride },
        { field: 'user_id', letter: 'u', count: users },
      ] as const) {
        const table = tables.get(tableOfIds(made.definition, field) ?? '');
        if (table !== undefined) fillTable(table, { letter, count }, random);
      }
    },
  });
  return { models, ranker, version, contexts: made.contexts, entities: entitiesOf(made, { users, items, itemStride }) };
};

/** As many as wanted, with the fields of those that were made, again and again. */
const entitiesOf = (
  made: ServingModel,
  { users, items, itemStride }: Required<Pick<PrepareOptions, 'users' | 'items' | 'itemStride'>>,
): Prepared['entities'] => {
  const parts = (path: '/v1/items' | '/v1/users', count: number) => {
    const [letter, known, stride] =
      path === '/v1/items' ? (['i', made.items, itemStride] as const) : (['u', made.users, 1] as const);
    return Array.from({ length: Math.ceil(count / entitiesAtOnce) }, (_, part) => ({
      path,
      body: JSON.stringify(
        Array.from({ length: Math.min(entitiesAtOnce, count - part * entitiesAtOnce) }, (_, at) => {
          const rank = part * entitiesAtOnce + at;
          return { ...known[rank % known.length], id: `${letter}${rank * stride}` };
        }),
      ),
    }));
  };
  return [...parts('/v1/items', items), ...parts('/v1/users', users)];
};

/** Puts them into a running service, which takes over whatever store it has. */
export const putEntities = async (url: string, { entities }: Pick<Prepared, 'entities'>): Promise<void> => {
  for (const { path, body } of entities) {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${url}${path}`, { method: 'PUT', headers, body });
    if (answer.status !== 200) throw new Error(`PUT ${path} answered ${answer.status}: ${await answer.text()}`);
    await answer.arrayBuffer();
  }
};
