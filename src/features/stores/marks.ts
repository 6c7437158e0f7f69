import { open } from 'lmdb';
import { storedKey } from './lmdb.js';

export interface Mark {
  readonly group: string;
  readonly name: string;
  /** What is known of it. */
  readonly note: string;
}

/** Names on disk with a note each, in groups that are dropped as a whole. One process writes it. */
export interface Marks {
  /** At once, from memory-mapped pages. */
  has(group: string, name: string): boolean;
  /** Resolves when all are on disk. The note of one that is there is replaced. */
  add(marks: readonly Mark[]): Promise<void>;
  /** A group's notes from the first or after a place, in an order of its own; none at the end. */
  notes(group: string, options: { readonly after?: string; readonly most: number }): readonly PlacedNote[];
  /** Drops all groups but these, in small steps. */
  keepOnly(groups: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** `place` is for going on after it. */
export interface PlacedNote {
  readonly place: string;
  readonly note: string;
}

const droppedPerStep = 1000;
/** No group has it, and the character after it ends a range of keys. */
const [separator, afterSeparator] = ['\u001f', '\u0020'];
/** Leaves room for the group in a key of LMDB. */
const longestNameBytes = 500;

export function openMarks(path: string): Marks {
  const db = open<Uint8Array, string>({ path, encoding: 'binary', noSubdir: false });
  const keyOf = (group: string, name: string): string => group + separator + storedKey(name, longestNameBytes);
  /** The first group at or after a key. */
  const groupAfter = (start: string): string | undefined => {
    for (const key of db.getKeys({ start, limit: 1 })) return key.slice(0, key.lastIndexOf(separator));
    return undefined;
  };
  const drop = async (group: string): Promise<void> => {
    for (;;) {
      const keys = [...db.getKeys({ start: group + separator, end: group + afterSeparator, limit: droppedPerStep })];
      if (keys.length === 0) return;
      await db.transaction(() => keys.forEach((key) => db.removeSync(key)));
    }
  };
  return {
    has: (group, name) => db.doesExist(keyOf(group, name)),
    async add(marks) {
      if (marks.length === 0) return;
      await db.transaction(() =>
        marks.forEach(({ group, name, note }) => db.putSync(keyOf(group, name), Buffer.from(note))),
      );
      await db.flushed;
    },
    notes: (group, { after, most }) => {
      const start = after ?? group + separator;
      const range = { start, exclusiveStart: after !== undefined, end: group + afterSeparator, limit: most };
      return [...db.getRange(range)].map(({ key, value }) => ({
        place: key,
        note: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString(),
      }));
    },
    async keepOnly(groups) {
      for (let group = groupAfter(''); group !== undefined; group = groupAfter(group + afterSeparator))
        if (!groups.includes(group)) await drop(group);
    },
    close: () => db.close(),
  };
}
