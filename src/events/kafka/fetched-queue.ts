import type { LogRecord } from '../types.js';

/** What a record takes beside its value, about. */
const RECORD_BYTES = 100;

const sizeOf = ({ value }: LogRecord): number => value.length + RECORD_BYTES;

interface Line {
  records: LogRecord[];
  taken: number;
}

/**
 * Records that were fetched and not yet taken. They are taken in the order of their times, as far as that of each partition
 * allows: who merges partitions then waits for none of them for long, and keeps little.
 */
export class FetchedQueue {
  readonly #lines = new Map<number, Line>();
  #bytes = 0;

  /** About what they take in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  /** Behind those of its partition. */
  add(partition: number, records: readonly LogRecord[]): void {
    let line = this.#lines.get(partition);
    if (line === undefined) this.#lines.set(partition, (line = { records: [], taken: 0 }));
    if (line.taken > 0) {
      line.records = line.records.slice(line.taken);
      line.taken = 0;
    }
    for (const record of records) {
      line.records.push(record);
      this.#bytes += sizeOf(record);
    }
  }

  take(most: number): LogRecord[] {
    const taken: LogRecord[] = [];
    while (taken.length < most) {
      const { line, until } = this.#earliest();
      if (line === undefined) break;
      let next = line.records[line.taken];
      do {
        if (next === undefined) break;
        taken.push(next);
        this.#bytes -= sizeOf(next);
        next = line.records[++line.taken];
      } while (next !== undefined && next.time <= until && taken.length < most);
      if (next === undefined) {
        line.records = [];
        line.taken = 0;
      }
    }
    return taken;
  }

  /** The line whose next record is the earliest, and the time of the next of another. */
  #earliest(): { line: Line | undefined; until: number } {
    let line: Line | undefined;
    let [time, until] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (const each of this.#lines.values()) {
      const next = each.records[each.taken];
      if (next === undefined) continue;
      if (line === undefined || next.time < time) {
        until = line === undefined ? until : time;
        [line, time] = [each, next.time];
      } else if (next.time < until) until = next.time;
    }
    return { line, until };
  }
}
