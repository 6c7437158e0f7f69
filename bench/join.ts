import { performance } from 'node:perf_hooks';
import { temporaryFolder } from '../cli/ending.js';
import { fingerprint, type RankerDefinition } from '../src/definition/index.js';
import { openEmbeddedLog, recordOf, type EventLog, type LoggedEvent, type NewRecord } from '../src/events/index.js';
import type { Column } from '../src/features/index.js';
import { openJoinedStream } from '../src/join/index.js';
import { median, type BenchTable } from './table.js';
import { runSnapshotBench } from './snapshot.js';
import { runVisibleBench } from './visible.js';
import { runWaitingBench } from './waiting.js';

const partitions = 4;
const rows = 10;
/** Lists, each with two events of feedback. */
const lists = 40_000;
const listsPerSecond = 200;
const rounds = 3;
/** As many as the learner reads at once. */
const most = 2000;
const begin = Date.UTC(2026, 0, 5);

/** Twenty numbers per row and five per request; with state a rate and a history that outcomes are made for. */
export const joinRanker = (state: boolean): RankerDefinition => ({
  name: 'bench',
  features: {
    item_id: { kind: 'id', scope: 'candidate', dim: 16 },
    author: { kind: 'id', scope: 'candidate', dim: 8 },
    user_id: { kind: 'id', scope: 'user', dim: 16 },
    ...Object.fromEntries(
      Array.from({ length: 10 }, (_, i) => [`number_${i}`, { kind: 'number', scope: 'candidate' } as const]),
    ),
    ...(state && {
      watched: { kind: 'history', scope: 'user', of: 'item_id', on: 'click', shares: 'item_id' } as const,
      item_rate: { kind: 'rate', scope: 'candidate', key: 'item_id', of: ['click', 'watch'] } as const,
    }),
  },
  tasks: {
    click: { kind: 'binary', label: 'click' },
    watch: { kind: 'regression', label: 'seconds', transform: 'log1p', when: 'click' },
  },
  network: { kind: 'mmoe' },
  score: { form: 'sum', weights: { click: 1 } },
  labels: { click: { wait: '1m' }, watch: { wait: '1m' } },
});

/** One list of ten items per `listsPerSecond`-th of a second; one item is clicked and watched. */
function* eventsOf(definition: RankerDefinition, from: number): Generator<LoggedEvent> {
  const tasks = Object.keys(definition.tasks);
  const mark = fingerprint(definition);
  for (let list = 0; list < lists; list++) {
    const time = from + Math.round((list * 1000) / listsPerSecond);
    const userId = `user-${(list * 7919) % 5000}`;
    const requestId = `0190a1b2-${String(list).padStart(12, '0')}`;
    const ids = Array.from({ length: rows }, (_, row) => 100_000 + ((list * 31 + row * 977) % 20_000));
    const numbers = new Float32Array(rows).map((_, row) => Math.sin(list + row));
    yield {
      kind: 'impression',
      time,
      requestId,
      userId,
      ranker: definition.name,
      version: '20260105T000000Z-ab12cd',
      fingerprint: mark,
      arms: { layout: 'wide' },
      weights: { click: 1 },
      tasks,
      candidates: 200,
      items: ids.map((id, row) => ({ id, position: row + 1, row, score: 1 / (row + 1), propensity: 1 })),
      heads: new Float32Array(rows * tasks.length).fill(0.25),
      fields: {
        user: { user_id: userId },
        context: {},
        candidates: ids.map((id) => ({
          item_id: id,
          author: id % 1000,
          ...Object.fromEntries(
            Array.from({ length: 10 }, (_, i) => [`number_${i}`, Math.round(1000 * Math.sin(i + id)) / 1000]),
          ),
        })),
      },
      features: {
        requests: 1,
        rows,
        requestOf: new Int32Array(rows),
        columns: new Map<string, Column>([
          ['item_id', { side: 'candidate', type: 'keys', offsets: offsets(rows), keys: new Uint32Array(2 * rows) }],
          ['author', { side: 'candidate', type: 'keys', offsets: offsets(rows), keys: new Uint32Array(2 * rows) }],
          ['user_id', { side: 'request', type: 'keys', offsets: offsets(1), keys: new Uint32Array(2) }],
          ...Array.from(
            { length: 10 },
            (_, i) => [`number_${i}`, { side: 'candidate', type: 'numbers', width: 1, values: numbers }] as const,
          ),
        ]),
      },
    };
    const heard = { kind: 'feedback', requestId, userId, itemId: ids[list % rows] ?? 0 } as const;
    yield { ...heard, time: time + 800, eventId: `${requestId}/click`, what: 'click', value: undefined };
    yield { ...heard, time: time + 9000, eventId: `${requestId}/watch`, what: 'watch', value: 8 };
  }
}

const offsets = (bags: number): Int32Array => Int32Array.from({ length: bags + 1 }, (_, i) => i);

/** In the order of time, as they would have come; then a minute's markers, so that everything matures. */
export async function fillLog(
  log: EventLog,
  definition: RankerDefinition,
  from = begin,
): Promise<{ events: number; bytes: number }> {
  const events = [...eventsOf(definition, from)].sort((a, b) => a.time - b.time);
  const end = (events.at(-1)?.time ?? from) + 5 * 60_000;
  const records: NewRecord[] = [
    ...events.map((event) => recordOf(event as Exclude<LoggedEvent, { kind: 'marker' }>)),
    ...Array.from({ length: partitions }, (_, partition) => recordOf({ kind: 'marker', time: end }, partition)),
  ];
  for (let at = 0; at < records.length; at += 5000) await log.append('events', records.slice(at, at + 5000));
  return { events: records.length, bytes: records.reduce((sum, { value }) => sum + value.length, 0) };
}

export interface Took {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

interface Measured extends Took {
  readonly outcomes: number;
  readonly examples: number;
}

/** Wall time, and the CPU time of all threads: what is left of the first when nothing else runs. */
export function stopwatch(): () => Took {
  const start = performance.now();
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return { seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
  };
}

const rateOf = (events: number, runs: readonly number[]): number => Math.round(events / median(runs));

/** Of reading everything. */
export async function readLog(log: EventLog): Promise<Took> {
  const reader = await log.reader('events', { from: 'start' });
  const elapsed = stopwatch();
  for (let records = 0; records < 3 * lists + partitions;) {
    records += (await reader.next({ most, waitMs: 50 })).length;
  }
  const took = elapsed();
  await reader.close();
  return took;
}

export async function measureJoin(log: EventLog, definition: RankerDefinition, examples: boolean): Promise<Measured> {
  const stream = await openJoinedStream({ log, definition, examples });
  const elapsed = stopwatch();
  const wanted = examples ? lists : 0;
  let [outcomes, made] = [0, 0];
  for (let read = 0; read < 3 * lists || made < wanted;) {
    const joined = await stream.next({ most, waitMs: 50 });
    outcomes += joined.outcomes.length;
    made += joined.examples.length;
    const { impressions, feedback } = stream.status().counters;
    read = impressions + feedback;
  }
  const measured = elapsed();
  await stream.close();
  return { ...measured, outcomes, examples: made };
}

/** Joining, the lists that it makes wait, and what state does with them. */
export const runJoinBench = async (): Promise<readonly BenchTable[]> => [
  await joining(),
  runWaitingBench(joinRanker(true)),
  runVisibleBench(),
  runSnapshotBench(joinRanker(true)),
];

/** Events per second of joining alone, from an embedded log on disk to examples and outcomes in memory. */
async function joining(): Promise<BenchTable> {
  const table: (string | number)[][] = [];
  for (const state of [false, true]) {
    const definition = joinRanker(state);
    const { path: directory, remove } = await temporaryFolder('watchnext-bench-');
    const log = await openEmbeddedLog({ directory, partitions });
    try {
      const { events, bytes } = await fillLog(log, definition);
      const name = state ? 'with a history and a rate' : 'no stateful feature';
      const reading = [];
      for (let round = 0; round < rounds; round++) reading.push((await readLog(log)).seconds);
      table.push([name, 'reading only', events, Math.round(bytes / events), rateOf(events, reading), '', '', '']);
      for (const examples of state ? [true, false] : [true]) {
        const runs: Measured[] = [];
        for (let round = 0; round < rounds; round++) runs.push(await measureJoin(log, definition, examples));
        const [last] = runs;
        table.push([
          name,
          examples ? 'joining' : 'joining for state alone',
          events,
          Math.round(bytes / events),
          rateOf(
            events,
            runs.map(({ seconds }) => seconds),
          ),
          rateOf(
            events,
            runs.map(({ cpuSeconds }) => cpuSeconds),
          ),
          last?.examples ?? 0,
          last?.outcomes ?? 0,
        ]);
      }
    } finally {
      await log.close();
      await remove();
    }
  }
  return {
    title: 'Join alone: from an embedded log on disk',
    columns: ['ranker', 'what', 'events', 'bytes/event', 'events/s', 'events/CPU s', 'examples', 'outcomes'],
    rows: table,
    notes: [
      `One list of ${rows} items, then a click and a watch time; ${partitions} partitions, one process, median of ${rounds}.`,
      `Twelve features per row. The log holds ${lists / listsPerSecond} s of ${listsPerSecond} lists/s; labels wait for a minute.`,
      'CPU seconds are those of all threads: on a machine that does other things, too, they say more than wall time.',
    ],
  };
}
