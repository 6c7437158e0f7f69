import { performance } from 'node:perf_hooks';
import { createZipf } from '../load-tests/generator/index.js';
import { fingerprint, type RankerDefinition } from '../src/definition/index.js';
import type { Impression } from '../src/events/index.js';
import type { Fields } from '../src/features/index.js';
import { createJoiner, restoreJoiner, type Joiner } from '../src/join/index.js';
import { SeededRandom } from '../src/random.js';
import { median, type BenchTable } from './table.js';

const items = 5000;
const rows = 200;
/** Of so many lists one has feedback. */
const heardOf = 10;
const rounds = 5;
const begin = Date.UTC(2026, 0, 5);

/** What it takes to write down what a joiner knows, and to read it again. */
export function runSnapshotBench(definition: RankerDefinition): BenchTable {
  const table: (string | number)[][] = [];
  for (const [lists, featureBytes] of [[1000], [20_000], [130_000], [20_000, 16_000]] as const) {
    const examples = featureBytes !== undefined;
    const joiner = joinerOf(definition, { lists, featureBytes });
    const runs = Array.from({ length: rounds }, () => measured(joiner, definition, examples));
    const of = (what: (run: (typeof runs)[number]) => number): number => Math.round(10 * median(runs.map(what))) / 10;
    const megabytes = of(({ bytes }) => bytes / 1e6);
    table.push([
      ...[lists, examples ? 'yes' : 'no', megabytes, Math.round((1e6 * megabytes) / lists)],
      ...[of(({ holdMs }) => holdMs), of(({ longestMs }) => longestMs), of(({ writeMs }) => writeMs)],
      of(({ readMs }) => readMs),
    ]);
  }
  return {
    title: `Snapshots of a joiner whose lists of ${rows} wait for feedback`,
    columns: ['lists', 'learned from', 'MB', 'bytes/list', 'hold ms', 'longest frame ms', 'write ms', 'read ms'],
    rows: table,
    notes: [
      `${items} items, the often shown ones far more often; every tenth list has feedback. Medians of ${rounds}.`,
      'hold: until what is known is held as it was and joining goes on; the rest is written frame by frame meanwhile.',
    ],
  };
}

function measured(
  joiner: Joiner,
  definition: RankerDefinition,
  examples: boolean,
): { bytes: number; holdMs: number; longestMs: number; writeMs: number; readMs: number } {
  let last = performance.now();
  const lap = (): number => -last + (last = performance.now());
  const made = joiner.snapshot()[Symbol.iterator]();
  const holdMs = lap();
  const frames: Uint8Array[] = [];
  const laps: number[] = [];
  for (let next = made.next(); next.done !== true; next = made.next()) {
    frames.push(next.value);
    laps.push(lap());
  }
  const bytes = frames.reduce((sum, { length }) => sum + length, 0);
  lap();
  restoreJoiner(definition, { examples }, frames);
  const readMs = lap();
  const writeMs = laps.reduce((sum, ms) => sum + ms, holdMs);
  return { bytes, holdMs, longestMs: Math.max(...laps), writeMs, readMs };
}

/** Its impressions never were bytes: reading those would take most of the time. */
function joinerOf(
  definition: RankerDefinition,
  { lists, featureBytes }: { readonly lists: number; readonly featureBytes: number | undefined },
): Joiner {
  const joiner = createJoiner(definition, { examples: featureBytes !== undefined });
  const zipf = createZipf({ count: items, exponent: 1 });
  const random = new SeededRandom(1);
  const tasks = Object.keys(definition.tasks);
  const mark = fingerprint(definition);
  const fieldsOf = Array.from({ length: items }, (_, item): Fields => ({ item_id: `video-${item}` }));
  const encodedFeatures = new Uint8Array(featureBytes ?? 0);
  const value = new Uint8Array(0);
  for (let list = 0; list < lists; list++) {
    const shown = zipf.drawDistinct(rows, random);
    const ids = shown.map((item) => `video-${item}`);
    const about = {
      time: begin + list,
      requestId: `0190a1b2-7c3d-7e4f-8a5b-${String(list).padStart(12, '0')}`,
      userId: `user-${(list * 7919) % 5000}`,
    };
    const event: Impression = {
      ...about,
      kind: 'impression',
      ranker: definition.name,
      version: '20260105T000000Z-ab12cd',
      fingerprint: mark,
      arms: {},
      weights: { click: 1 },
      tasks,
      candidates: rows,
      items: [],
      list: { ids, positions: shown.map((_, row) => row + 1) },
      heads: new Float32Array(rows * tasks.length),
      fields: { user: { user_id: about.userId }, context: {}, candidates: shown.map((item) => fieldsOf[item] ?? {}) },
      features: { requests: 1, rows, requestOf: new Int32Array(rows), columns: new Map() },
      encodedFeatures,
    };
    const place = { time: about.time, partition: 0, offset: list, from: list, value };
    joiner.take({ ...place, event });
    if (list % heardOf === 0) {
      const click = { ...about, kind: 'feedback', what: 'click', eventId: `event-${list}`, value: undefined } as const;
      joiner.take({ ...place, event: { ...click, itemId: ids[3] ?? '' } });
    }
    joiner.advance(Number.NEGATIVE_INFINITY);
  }
  return joiner;
}
