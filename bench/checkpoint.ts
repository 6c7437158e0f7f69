import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { EmbeddingTable } from '../src/embeddings/index.js';
import { openCheckpoints, startOfPlace } from '../training/stream/index.js';
import { median, type BenchTable } from './table.js';

/** What a checkpoint of a large table costs. */
export async function measureLargeCheckpoint(folder: string): Promise<BenchTable> {
  const rows = 1_000_000;
  const table = new EmbeddingTable({ dim: 16, seed: 1, optimizer: { kind: 'lazy_adam', rate: 0.001 } });
  table.admit(
    Uint32Array.from({ length: 2 * rows }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 0),
    Date.UTC(2026, 1, 1),
  );
  const measured = await measureCheckpoints(join(folder, 'large'), new Map([['items', table]]));
  const pauses = measured.map(({ pauseMs }) => pauseMs);
  const [first = Number.NaN] = pauses;
  return {
    title: 'Checkpoint: a table of a million rows of 16 with lazy Adam',
    columns: ['rows', 'MB', 'pause, first (ms)', 'pause, median (ms)', 'pause, longest (ms)', 'until durable (s)'],
    rows: [
      [
        table.size,
        Math.round((measured[0]?.bytes ?? Number.NaN) / 1e6),
        Math.round(first),
        Math.round(median(pauses)),
        Math.round(Math.max(...pauses)),
        Number(median(measured.map(({ seconds }) => seconds)).toFixed(2)),
      ],
    ],
    notes: ['The pause is what learning waits for: copying. Hashing and writing are done by another thread meanwhile.'],
  };
}

interface MeasuredCheckpoint {
  readonly pauseMs: number;
  readonly seconds: number;
  readonly bytes: number;
}

async function measureCheckpoints(
  directory: string,
  tables: ReadonlyMap<string, EmbeddingTable>,
): Promise<MeasuredCheckpoint[]> {
  const checkpoints = await openCheckpoints({
    directory,
    onDamaged: (error) => void process.stderr.write(String(error)),
  });
  await checkpoints.prepare(tables);
  const facts = {
    ranker: 'bench',
    fingerprint: '',
    line: [],
    published: { sequence: 0, hash: '' },
    place: startOfPlace,
  };
  const empty = new Uint8Array(0);
  const measured: MeasuredCheckpoint[] = [];
  for (let time = 0; time < 5; time++) {
    const started = performance.now();
    const copies = checkpoints.copy(tables) ?? new Map<string, never>();
    const pauseMs = performance.now() - started;
    const bytes = [...copies.values()].reduce(
      (sum, { header }) => sum + header.sections.reduce((words, section) => words + 4 * section.words, 0),
      0,
    );
    const parts = { stream: [], state: empty, windows: empty, waiting: [], dense: new Map<string, never>() };
    await checkpoints.write({ facts, ...parts, tables: copies });
    measured.push({ pauseMs, seconds: (performance.now() - started) / 1000, bytes });
  }
  await checkpoints.close();
  return measured;
}
