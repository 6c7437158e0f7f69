import { walk, type EventLog, type Topic } from '../../src/events/index.js';
import { contentOf } from './content.js';

export interface PartitionStats {
  readonly topic: Topic;
  readonly partition: number;
  /** Offsets: the first kept, and the one that the next record gets. */
  readonly first: number;
  readonly next: number;
  readonly records: number;
  /** Of the records themselves, without what the log adds. */
  readonly bytes: number;
  /** Event times, in milliseconds since the epoch; absent of an empty partition. */
  readonly earliest?: number;
  readonly latest?: number;
  /** By kind; what cannot be read is `unreadable`. */
  readonly kinds: Readonly<Record<string, number>>;
}

interface Counted {
  records: number;
  bytes: number;
  readonly kinds: Record<string, number>;
  /** The earliest and the latest; none before the first. */
  times: readonly number[];
}

type Progress = (done: number, total: number) => void;

/** Reads a whole topic and counts it, partition by partition. */
export async function statsOf(log: EventLog, topic: Topic, onProgress?: Progress): Promise<PartitionStats[]> {
  const bounds = await log.bounds(topic);
  const counts = bounds.map((): Counted => ({ records: 0, bytes: 0, kinds: {}, times: [] }));
  await walk({
    log,
    topic,
    ...(onProgress !== undefined && { onProgress }),
    each: (record) => {
      const count = counts[record.partition];
      if (count === undefined) return;
      const kind = kindOf(topic, record);
      count.records++;
      count.bytes += record.value.length;
      count.kinds[kind] = (count.kinds[kind] ?? 0) + 1;
      const [earliest = record.time, latest = record.time] = count.times;
      count.times = [Math.min(earliest, record.time), Math.max(latest, record.time)];
    },
  });
  return counts.map(({ times: [earliest, latest], ...count }, partition) => ({
    topic,
    partition,
    first: bounds[partition]?.first ?? 0,
    next: bounds[partition]?.next ?? 0,
    ...count,
    ...(earliest !== undefined && latest !== undefined && { earliest, latest }),
  }));
}

function kindOf(topic: Topic, record: Parameters<typeof contentOf>[1]): string {
  try {
    return contentOf(topic, record).kind;
  } catch {
    return 'unreadable';
  }
}
