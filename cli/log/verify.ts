import { walk, type EventLog, type Topic } from '../../src/events/index.js';
import { contentOf } from './content.js';

/** A record that is not as it should be. */
export interface Damage {
  readonly topic: Topic;
  readonly partition: number;
  readonly offset: number;
  readonly reason: string;
}

export interface Verified {
  readonly records: number;
  readonly damaged: number;
  /** The first of them. */
  readonly damage: readonly Damage[];
}

const mostNamed = 100;

type Progress = (done: number, total: number) => void;

/** Reads a whole topic: every record can be read in all its parts, and the offsets of a partition ascend. */
export async function verifyTopic(log: EventLog, topic: Topic, onProgress?: Progress): Promise<Verified> {
  const damage: Damage[] = [];
  let records = 0;
  let damaged = 0;
  const last = new Map<number, number>();
  await walk({
    log,
    topic,
    ...(onProgress !== undefined && { onProgress }),
    each: (record) => {
      const { partition, offset } = record;
      records++;
      const before = last.get(partition) ?? -1;
      last.set(partition, offset);
      const reason = offset <= before ? `comes after offset ${before}` : reasonOf(() => contentOf(topic, record));
      if (reason === undefined) return;
      damaged++;
      if (damage.length < mostNamed) damage.push({ topic, partition, offset, reason });
    },
  });
  return { records, damaged, damage };
}

function reasonOf(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
