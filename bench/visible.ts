import { performance } from 'node:perf_hooks';
import { createZipf } from '../load-tests/generator/index.js';
import { durationMs, type RankerDefinition } from '../src/definition/index.js';
import { createFeatureReader, createFeatureState, type Fields, type Outcome } from '../src/features/index.js';
import { SeededRandom } from '../src/random.js';
import type { BenchTable } from './table.js';

const [items, users, authors, rows] = [20_000, 5000, 3000, 200];
const betweenListsMs = 20;
const begin = Date.UTC(2026, 0, 5);
const delay = '1m';
const moments = 4;

const tasks = ['click', 'like', 'long_view'];

/** What most platforms count: by user, item, author, and pairs of them. */
const definition: RankerDefinition = {
  name: 'visible',
  features: {
    watched: { kind: 'history', scope: 'user', of: 'item_id', on: 'click', last: 50, dim: 8 },
    user: { kind: 'rate', scope: 'user', key: 'user_id', of: tasks },
    item: { kind: 'rate', scope: 'candidate', key: 'item_id', of: tasks, half_life: '1d' },
    author: { kind: 'rate', scope: 'candidate', key: 'author', of: tasks, half_life: '1d' },
    user_author: { kind: 'rate', scope: 'candidate', key: ['user_id', 'author'], of: tasks },
    seen: { kind: 'count', scope: 'candidate', key: ['user_id', 'item_id'] },
  },
  tasks: Object.fromEntries(tasks.map((task) => [task, { kind: 'binary', label: task }])),
  network: { kind: 'mmoe' },
  score: { form: 'sum', weights: { click: 1 } },
  training: { feedback_delay: delay },
};

/**
 * What it takes to tell feature state of lists and to read it, and how long one list holds up the others: at the moments from
 * which outcomes of a whole feedback delay may be seen, and otherwise.
 */
export function runVisibleBench(): BenchTable {
  const state = createFeatureState(definition);
  const reader = createFeatureReader({ definition, state });
  const next = lists();
  const took = { tell: 0, read: 0, lists: 0 };
  let [atMoment, otherwise] = [0, 0];
  const delayMs = durationMs(delay);
  const until = begin + (moments + 0.5) * delayMs;
  for (let time = begin + 1; time < until; time += betweenListsMs) {
    const { user, outcomes, candidates } = next(time);
    const start = process.cpuUsage();
    const began = performance.now();
    reader.read([{ time, user, context: {}, candidates }]);
    const readMs = performance.now() - began;
    state.observe(outcomes);
    const ms = performance.now() - began;
    // The first delay makes the tables and compiles the code.
    if (time < begin + delayMs) continue;
    if ((time - begin) % delayMs < 50 * betweenListsMs) atMoment = Math.max(atMoment, ms);
    else otherwise = Math.max(otherwise, ms);
    const { user: cpu } = process.cpuUsage(start);
    took.lists++;
    took.read += (cpu * readMs) / ms;
    took.tell += cpu * (1 - readMs / ms);
  }
  const sizes = [...state.sizes().values()];
  const sum = (of: (size: (typeof sizes)[number]) => number): number => sizes.reduce((all, each) => all + of(each), 0);
  const perList = (us: number): number => Math.round(us / took.lists);
  return {
    title: `Outcomes of lists of ${rows} in six features, feedback delay ${delay}`,
    columns: [
      'lists',
      'keys',
      'told, CPU µs/list',
      'read, CPU µs/list',
      'longest ms at a moment',
      'longest ms otherwise',
    ],
    rows: [
      [
        took.lists,
        sum(({ cells }) => cells),
        perList(took.tell),
        perList(took.read),
        Number(atMoment.toFixed(1)),
        Number(otherwise.toFixed(1)),
      ],
    ],
    notes: [
      `Reading a list and telling state of it, on one thread; ${1000 / betweenListsMs} lists a second of event time. "At a moment": the 50 lists from which on`,
      'the outcomes of the delay before may be seen. Garbage collection and growing tables are in the longest.',
    ],
  };
}

function lists(): (time: number) => {
  readonly user: Fields;
  readonly candidates: readonly Fields[];
  readonly outcomes: readonly Outcome[];
} {
  const zipf = createZipf({ count: items, exponent: 1 });
  const random = new SeededRandom(1);
  const nothing = Object.fromEntries(tasks.map((task) => [task, 0]));
  const clicked = { ...nothing, click: 1 };
  const fieldsOf = Array.from({ length: items }, (_, i): Fields => ({ item_id: `v${i}`, author: `a${i % authors}` }));
  let list = 0;
  return (time) => {
    const user = { user_id: `u${(list++ * 7919) % users}` };
    const candidates = zipf.drawDistinct(rows, random).map((item) => fieldsOf[item] ?? {});
    const outcomes = candidates.map((candidate, row): Outcome => {
      return { time, user, context: {}, candidate, labels: row % 20 === 0 ? clicked : nothing };
    });
    return { user, candidates, outcomes };
  };
}
