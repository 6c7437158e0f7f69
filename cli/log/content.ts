import {
  decodeDeadLetter,
  decodeEvent,
  wholeImpression,
  type DeadLetter,
  type Impression,
  type LoggedEvent,
  type LogRecord,
  type Topic,
} from '../../src/events/index.js';
import { decodeJoined, type JoinedEntry } from '../../src/join/index.js';

/** What a record of a topic says, for people and for other programs. */
export interface RecordContent {
  /** impression, feedback, item, user, marker; joined; dead-letter. */
  readonly kind: string;
  /** Event time, in milliseconds since the epoch. */
  readonly time: number;
  /** The rest, on one line. */
  readonly text: string;
  /** What JSON can say of it; features are left out. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** Throws if any part of the record cannot be read. */
export function contentOf(topic: Topic, { time, value }: LogRecord): RecordContent {
  if (topic === 'events') return eventContent(decodeEvent(value));
  return topic === 'examples' ? joinedContent(time, decodeJoined(value)) : letterContent(decodeDeadLetter(value));
}

function eventContent(event: LoggedEvent): RecordContent {
  const { kind, time } = event;
  switch (kind) {
    case 'impression': {
      const { features, heads } = event;
      const tasks = event.tasks.length;
      const items = event.items.map((item, i) => ({
        ...item,
        heads: Object.fromEntries(event.tasks.map((task, k) => [task, heads[i * tasks + k]])),
      }));
      const shown = items.slice(0, 3).map(({ id, score }) => `${id} (${score.toFixed(4)})`);
      const more = items.length > shown.length ? ` and ${items.length - shown.length} more` : '';
      const text = `${event.ranker}@${event.version}  ${nameOf(event)}  ${shown.join(', ')}${more}`;
      return {
        kind,
        time,
        text,
        json: {
          ...wholeImpression(event),
          items,
          heads: undefined,
          encodedFeatures: undefined,
          features: [...features.columns.keys()],
        },
      };
    }
    case 'feedback': {
      const value = event.value === undefined ? '' : ` ${event.value}`;
      return {
        kind,
        time,
        text: `${event.what}${value} of item ${event.itemId}  ${nameOf(event)}`,
        json: { ...event },
      };
    }
    case 'exposure': {
      const { userId, experiment, arm, phase } = event;
      const text = `user ${userId} is in ${arm} of ${experiment}${phase === '' ? '' : `, phase ${phase}`}`;
      return { kind, time, text, json: { ...event } };
    }
    case 'item':
    case 'user':
      return { kind, time, text: `${event.id}  ${JSON.stringify(event.fields)}`, json: { ...event } };
    case 'marker':
      return { kind, time, text: 'everything up to here is in', json: { ...event } };
  }
}

const nameOf = ({ requestId, userId }: Pick<Impression, 'requestId' | 'userId'>): string =>
  `request ${requestId}${userId === undefined ? '' : `  user ${userId}`}`;

function joinedContent(time: number, { ranker, examples, outcomes, watermark }: JoinedEntry): RecordContent {
  const rows = examples.reduce((sum, { positions }) => sum + positions.length, 0);
  const counts = { examples: examples.length, rows, outcomes: outcomes.length };
  const until = Number.isFinite(watermark) ? `, all before ${instant(watermark)}` : '';
  const text = `${ranker}: ${counts.examples} examples of ${rows} rows, ${counts.outcomes} outcomes${until}`;
  return { kind: 'joined', time, text, json: { kind: 'joined', time, ranker, watermark, ...counts } };
}

function letterContent({ value, ...letter }: DeadLetter): RecordContent {
  const { time, reason, topic, partition, offset } = letter;
  const text = `${topic} ${partition}/${offset}: ${reason}`;
  const json = { kind: 'dead-letter', ...letter, value: Buffer.from(value).toString('base64') };
  return { kind: 'dead-letter', time, text, json };
}

/** A point in time as it is printed; times beyond the calendar as the number they are. */
export const instant = (time: number): string =>
  Math.abs(time) <= 8.64e15 ? new Date(time).toISOString() : String(time);
