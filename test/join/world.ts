import { fingerprint, type LabelDefinition, type RankerDefinition } from '../../src/definition/index.js';
import type { Feedback, Impression, LoggedEvent } from '../../src/events/index.js';
import type { FeatureBatch, Outcome } from '../../src/features/index.js';
import type { Joined, JoinedExample, JoinedStream, Snapshot } from '../../src/join/index.js';
import { generator } from '../features/world.js';

/** Builders: a ranker with what a test is about, events of one user, streams read to their end. */
export const start = Date.UTC(2026, 0, 5);
export const minuteMs = 60_000;

export function ranker(
  labels: Readonly<Record<string, LabelDefinition>> = {},
  rest: Partial<RankerDefinition> = {},
): RankerDefinition {
  return {
    name: 'films',
    features: {
      length: { kind: 'number', scope: 'candidate' },
      watched: { kind: 'history', scope: 'user', of: 'item_id', on: 'click', dim: 2 },
      rate: { kind: 'rate', scope: 'candidate', key: ['user_id', 'item_id'], of: ['click', 'watch'] },
    },
    tasks: {
      click: { kind: 'binary', label: 'is_click' },
      watch: { kind: 'regression', label: 'seconds', when: 'click' },
    },
    network: { kind: 'mmoe' },
    score: { form: 'sum', weights: { click: 1 } },
    labels,
    ...rest,
  };
}

/** One list of items a, b, c ... of which feature `length` is 1, 2, 3 ... */
export function shown(
  options: Partial<Impression> & { items?: never; of: RankerDefinition; rows?: number },
): Impression {
  const { of: definition, rows = 3, ...given } = options;
  const ids = Array.from({ length: rows }, (_, row) => String.fromCharCode(97 + row));
  const tasks = Object.keys(definition.tasks);
  return {
    kind: 'impression',
    time: start,
    requestId: 'r1',
    userId: 'u1',
    ranker: definition.name,
    version: 'v1',
    fingerprint: fingerprint(definition),
    arms: { layout: 'wide' },
    weights: { click: 1 },
    tasks,
    candidates: rows,
    items: ids.map((id, row) => ({ id, position: row + 1, score: 1 / (row + 1), propensity: 1 })),
    heads: Float32Array.from({ length: rows * tasks.length }, (_, at) => at / 8),
    fields: {
      user: { user_id: given.userId ?? 'u1' },
      context: {},
      candidates: ids.map((id, row) => ({ item_id: id, length: row + 1 })),
    },
    features: featuresOf(rows),
    ...given,
  };
}

const featuresOf = (rows: number): FeatureBatch => ({
  requests: 1,
  rows,
  requestOf: new Int32Array(rows),
  columns: new Map([
    [
      'length',
      {
        side: 'candidate',
        type: 'numbers',
        width: 1,
        values: Float32Array.from({ length: rows }, (_, row) => row + 1),
      },
    ],
  ]),
});

let events = 0;
export const heard = (options: Partial<Feedback> & { what: string }): Feedback => ({
  kind: 'feedback',
  time: start + 1000,
  eventId: `e${events++}`,
  requestId: 'r1',
  userId: 'u1',
  itemId: 'a',
  value: undefined,
  ...options,
});

export const marker = (time: number): LoggedEvent => ({ kind: 'marker', time });

/** As it lies in a file. */
export const bytesOf = (snapshot: Snapshot): Buffer => Buffer.concat([...snapshot]);

/** The frames that lie in a file one after the other, each with its length in its fourth word; what is left is one more. */
export function framesIn(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes.length - at < 16 ? 0 : view.getUint32(at + 12, true);
    const end = length === 0 ? bytes.length : at + length;
    frames.push(new Uint8Array(bytes.subarray(at, end)));
    at = end;
  }
  return frames;
}

export interface Read {
  readonly outcomes: Outcome[];
  readonly examples: JoinedExample[];
  readonly watermark: number;
}

/** Everything that the log holds now, in steps of `most` records. */
export async function readAll(stream: JoinedStream, most = 1000, idle = 2): Promise<Read> {
  const outcomes: Outcome[] = [];
  const examples: JoinedExample[] = [];
  let watermark = Number.NEGATIVE_INFINITY;
  for (let quiet = 0; quiet < idle;) {
    const joined: Joined = await stream.next({ most, waitMs: 0 });
    const nothing = joined.outcomes.length + joined.examples.length === 0 && joined.watermark === watermark;
    quiet = nothing ? quiet + 1 : 0;
    outcomes.push(...joined.outcomes);
    examples.push(...joined.examples);
    watermark = joined.watermark;
  }
  return { outcomes, examples, watermark };
}

/**
 * An hour of a small platform, in the order in which it came: lists of several users, feedback within and after the wait,
 * some of it early, twice, for what was never shown, out of order or with a wrong clock, a marker each minute.
 */
export function hour(definition: RankerDefinition, { lists = 60, seed = 1 } = {}): LoggedEvent[] {
  const random = generator(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const came: { at: number; event: LoggedEvent }[] = [];
  for (let minute = 0; minute <= 60; minute++)
    came.push({ at: minute * minuteMs, event: marker(start + minute * minuteMs) });
  for (let list = 0; list < lists; list++) {
    const at = below(40 * minuteMs);
    const [requestId, userId, rows] = [`r${list}`, `u${below(6)}`, 1 + below(4)];
    came.push({ at, event: shown({ of: definition, time: start + at, requestId, userId, rows }) });
    for (let i = below(5); i > 0; i--) {
      const later = at + below(random() < 0.7 ? 8 * minuteMs : 30 * minuteMs) - (random() < 0.1 ? 2000 : 0);
      const skew = random() < 0.1 ? below(20 * minuteMs) - 10 * minuteMs : 0;
      const event = heard({
        what: ['click', 'watch', 'share'][below(3)]!,
        time: start + later + skew,
        eventId: `${list}/${i}`,
        requestId: random() < 0.05 ? 'never' : requestId,
        userId,
        itemId: String.fromCharCode(97 + below(random() < 0.1 ? 6 : rows)),
        value: below(100),
      });
      came.push({ at: Math.max(0, later + below(1500)), event });
      if (random() < 0.1) came.push({ at: later + 3000, event });
    }
  }
  return came.sort((a, b) => a.at - b.at).map(({ event }) => event);
}
