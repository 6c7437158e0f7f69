/** A partition of a topic. There is one object for each, so that it is its own key. */
export interface Place {
  readonly topic: string;
  readonly partition: number;
}

/** One record on its way. */
export interface Outgoing {
  readonly place: Place;
  readonly time: number;
  readonly key: string | undefined;
  readonly value: Uint8Array;
}

/** One call of append: settled when its last record is written or its first one failed. */
export interface Write {
  unwritten: number;
  /** Rejected with all behind it: what is left of it is not sent. */
  failed: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** What goes to the brokers in one request: the records in the order of the queue, and whom to tell. */
export interface Batch {
  readonly records: readonly Outgoing[];
  /** By record. */
  readonly writes: readonly Write[];
  readonly bytes: number;
}

/** Keeps a batch of one partition well under the megabyte that brokers accept. */
const PLACE_BYTES = 512 << 10;
const BATCH_BYTES = 4 << 20;
const BATCH_RECORDS = 10_000;
/** What a record needs in a batch beside its value, at most, for a short key. */
const RECORD_OVERHEAD = 64;

export const sizeOf = ({ key, value }: { readonly key: string | undefined; readonly value: Uint8Array }): number =>
  value.byteLength + (key?.length ?? 0) + RECORD_OVERHEAD;

/** Records in the order they came, bounded in number and bytes. */
export interface WriteQueue {
  readonly records: number;
  readonly bytes: number;
  /** False, and nothing queued, if they do not all fit. */
  offer(records: readonly Outgoing[], write: Write): boolean;
  /**
   * The longest run from the front that one request may carry, without what is for places on hold; at least one record of
   * those that wait.
   */
  cut(): Batch;
  /** Until it is released, what is for `place` stays, in its order. */
  hold(place: Place): void;
  release(place: Place): void;
  /** Everything that waits, taken out; of one place where it is named. */
  drain(place?: Place): readonly Write[];
}

interface Waiting {
  readonly record: Outgoing;
  readonly write: Write;
}

export const createWriteQueue = (limit: { readonly records: number; readonly bytes: number }): WriteQueue => {
  let waiting: Waiting[] = [];
  let head = 0;
  let bytes = 0;
  /** By place on hold: what was passed over. It is older than all that waits for this place. */
  const held = new Map<Place, Waiting[]>();
  let heldRecords = 0;

  const release = (place: Place): void => {
    const passed = held.get(place) ?? [];
    held.delete(place);
    heldRecords -= passed.length;
    if (passed.length > 0) waiting = [...passed, ...waiting.slice(head)];
    if (passed.length > 0) head = 0;
  };

  return {
    get records() {
      return waiting.length - head + heldRecords;
    },
    get bytes() {
      return bytes;
    },
    offer(records, write) {
      const more = records.reduce((sum, record) => sum + sizeOf(record), 0);
      if (this.records + records.length > limit.records || bytes + more > limit.bytes) return false;
      for (const record of records) waiting.push({ record, write });
      bytes += more;
      return true;
    },
    cut() {
      const records: Outgoing[] = [];
      const writes: Write[] = [];
      const perPlace = new Map<Place, number>();
      let total = 0;
      for (let next = waiting[head]; next !== undefined && records.length < BATCH_RECORDS; next = waiting[head]) {
        const { record, write } = next;
        const size = sizeOf(record);
        if (write.failed) {
          bytes -= size;
          head += 1;
          continue;
        }
        const { place } = record;
        const aside = held.get(place);
        if (aside !== undefined) {
          aside.push(next);
          heldRecords += 1;
          head += 1;
          continue;
        }
        const inPlace = (perPlace.get(place) ?? 0) + size;
        if (records.length > 0 && (total + size > BATCH_BYTES || inPlace > PLACE_BYTES)) break;
        perPlace.set(place, inPlace);
        total += size;
        records.push(record);
        writes.push(write);
        head += 1;
      }
      bytes -= total;
      if (head > waiting.length / 2) {
        waiting = waiting.slice(head);
        head = 0;
      }
      return { records, writes, bytes: total };
    },
    hold(place) {
      if (!held.has(place)) held.set(place, []);
    },
    release,
    drain(place) {
      for (const each of place === undefined ? [...held.keys()] : [place]) release(each);
      const left = waiting.slice(head);
      const drained = left.filter(({ record }) => place === undefined || record.place === place);
      waiting = place === undefined ? [] : left.filter(({ record }) => record.place !== place);
      head = 0;
      for (const { record } of drained) bytes -= sizeOf(record);
      return drained.map(({ write }) => write);
    },
  };
};
