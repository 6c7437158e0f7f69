import type { Artifacts, ChainEnd, ModelDelta } from '../../src/artifact/index.js';
import type { EmbeddingTable } from '../../src/embeddings/index.js';
import { hashId } from '../../src/features/index.js';
import { scoreOf, tinyModel } from './model.js';

const hashesOf = (ids: readonly string[]): Uint32Array => Uint32Array.from(ids.flatMap((id) => [...hashId(id)]));

/** The row of each id as it would be served, zeros for an id without one. */
export function servedRows(table: EmbeddingTable, ids: readonly string[]): number[][] {
  const out = new Float32Array(ids.length * table.dim);
  const offsets = Int32Array.from({ length: ids.length + 1 }, (_, i) => i);
  table.pool({ offsets, keys: hashesOf(ids), out, stride: table.dim, offset: 0 });
  return ids.map((_, row) => [...out.subarray(row * table.dim, (row + 1) * table.dim)]);
}

export interface Lessons {
  /** Tables that learn, of the tiny model. */
  readonly tables: ReadonlyMap<string, EmbeddingTable>;
  /** Learns something of these items and answers the delta that follows on `end`. */
  learn(end: ChainEnd, items: readonly string[], change?: Partial<ModelDelta>): ModelDelta;
}

/** Somebody who goes on learning from the tiny model. */
export function lessonsOf(base: string, ranker = 'tiny'): Lessons {
  const { golden, tables } = tinyModel(ranker);
  const taught = tables.get('item_id') as EmbeddingTable;
  for (const table of tables.values()) table.takeChanges();
  return {
    tables,
    learn: ({ sequence, hash }, items, change = {}) => {
      taught.admit(hashesOf(items), 1000 * sequence);
      const offsets = Int32Array.from({ length: items.length + 1 }, (_, i) => i);
      const gradient = new Float32Array(items.length * taught.dim).fill(sequence + 1);
      taught.accumulate({ offsets, keys: hashesOf(items), gradient, stride: taught.dim, offset: 0 });
      taught.update(1);
      return {
        ranker,
        base,
        sequence: sequence + 1,
        previous: hash,
        createdMs: 1_777_600_000_000 + 1000 * sequence,
        graph: Buffer.from(`graph ${sequence + 1}`),
        tables: new Map([...tables].map(([name, table]) => [name, table.takeChanges()])),
        golden: { batch: golden.batch, heads: scoreOf(golden.batch).heads.map((head) => head + sequence + 1) },
        learned: { until: 1_777_600_000_000, rows: items.length, feedbackTimes: Float64Array.of(1_777_599_000_000.5) },
        ...change,
      };
    },
  };
}

/** Publishes what was learned of these lists of items, one delta each; answers the names. */
export async function publishLessons(
  artifacts: Artifacts,
  options: { base: string; lessons: Lessons; lists: readonly (readonly string[])[]; ranker?: string },
): Promise<string[]> {
  const { base, lessons, lists, ranker = 'tiny' } = options;
  const names: string[] = [];
  for (const items of lists) {
    const end = await artifacts.endOfChain(ranker, base);
    names.push(await artifacts.publishDelta(lessons.learn(end, items)));
  }
  return names;
}
