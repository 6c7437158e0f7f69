import type { Artifacts, ModelDelta } from '../../src/artifact/index.js';
import type { EmbeddingTable } from '../../src/embeddings/index.js';
import { hashId } from '../../src/features/index.js';
import { shelfHeads, sumGraph } from './shelf-model.js';

export interface Lesson {
  /** New rows by item. */
  readonly rows?: Readonly<Record<string, readonly [number, number]>>;
  readonly removed?: readonly string[];
  /** Of a new graph; the graph stays if left out. */
  readonly scale?: number;
  /** Added to the golden heads: then the delta must not serve. */
  readonly error?: number;
  readonly createdMs?: number;
  readonly feedbackTimes?: readonly number[];
}

export interface ShelfLearner {
  /** As the learner has it now. */
  readonly table: EmbeddingTable;
  readonly scale: number;
  /** Publishes the next delta and answers the version with it. */
  publish(lesson: Lesson): Promise<string>;
}

const hashes = (ids: readonly string[]): Uint32Array => Uint32Array.from(ids.flatMap((id) => [...hashId(id)]));

/** Somebody who learns on from a sealed shelf of scale 1, whose lessons a test decides. */
export const learnShelf = async (artifacts: Artifacts, base: string): Promise<ShelfLearner> => {
  const { tables, golden } = await artifacts.load('shelf', base);
  const table = tables.get('item_id')!;
  let scale = 1;
  return {
    table,
    get scale() {
      return scale;
    },
    publish: async ({ rows = {}, removed = [], error = 0, createdMs, feedbackTimes = [], ...lesson }) => {
      const changes = {
        keys: hashes(Object.keys(rows)),
        values: Float32Array.from(Object.values(rows).flat()),
        removed: hashes(removed),
      };
      table.apply(changes);
      scale = lesson.scale ?? scale;
      const { sequence, hash } = await artifacts.endOfChain('shelf', base);
      const delta: ModelDelta = {
        ranker: 'shelf',
        base,
        sequence: sequence + 1,
        previous: hash,
        createdMs: createdMs ?? Date.now() + 1000,
        ...(lesson.scale !== undefined && { graph: sumGraph(lesson.scale, false) }),
        tables: new Map([['item_id', changes]]),
        golden: { batch: golden.batch, heads: shelfHeads(golden.batch, { scale, error, table }) },
        learned: { until: 1_767_300_000_000 + sequence, rows: 1, feedbackTimes: Float64Array.from(feedbackTimes) },
      };
      return artifacts.publishDelta(delta);
    },
  };
};
