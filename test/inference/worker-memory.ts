import { createScorerPool } from '../../src/inference/index.js';
import { createMetrics, silentLogger } from '../../src/telemetry/index.js';
import { shelfBatch, shelfModel } from './shelf-model.js';

/**
 * A process of its own, to be measured: a model whose table has `megabytes`, in so many threads. Prints by how much the
 * process grew when all of them had loaded it, and what they answer before and after the table is changed where it was made.
 */
const [workers = 4, megabytes = 200] = process.argv.slice(2).map(Number);
const { tables, ...model } = shelfModel();
const small = tables.get('item_id');
if (small === undefined) throw new Error('the shelf has no table');
const records = new SharedArrayBuffer(megabytes << 20);
const words = new Uint32Array(records).fill(1); // so that every page is there
words.set(new Uint32Array(small.records));
const large = { ...model, tables: new Map([['item_id', { ...small, records }]]) };

const pool = await createScorerPool({ device: 'cpu', workers, logger: silentLogger, metrics: createMetrics() });
const batch = shelfBatch([1]);
// Threads and the library are there now: what comes on top is the model’s.
const before = process.memoryUsage().rss;
const answers: number[] = [];
const scorer = await pool.load('v1', large, async (score) => {
  // Every thread by itself, one after the other.
  answers.push((await score(batch)).heads[1] ?? Number.NaN);
});
const grownMegabytes = (process.memoryUsage().rss - before) / 2 ** 20;

const floats = new Float32Array(records);
for (let row = 0; row < small.size; row++) {
  const at = row * (2 + small.dim) + 2; // after the row’s key
  floats[at] = (floats[at] ?? 0) + 100;
}
const changed = await Promise.all(
  Array.from({ length: 16 * workers }, async () => (await scorer.score(batch)).heads[1] ?? Number.NaN),
);
process.stdout.write(JSON.stringify({ grownMegabytes, answers, changed }));
await scorer.close();
await pool.close();
