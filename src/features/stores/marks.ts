import { open } from 'lmdb';
import { storedKey } from './lmdb.js';

/** A set of names on disk, in groups that are dropped as a whole. One process writes it. */
export interface Marks {
  /** At once, from memory-mapped pages. */
  has(group: string, name: string): boolean;
  /** Resolves when all are on disk. */
  add(marks: readonly { readonly group: string; readonly name: string }[]): Promise<void>;
  /** Drops all groups but these, in small steps. */
  keepOnly(groups: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

const droppedPerStep = 1000;
const nothing = Buffer.alloc(0);
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
      await db.transaction(() => marks.forEach(({ group, name }) => db.putSync(keyOf(group, name), nothing)));
      await db.flushed;
    },
    async keepOnly(groups) {
      for (let group = groupAfter(''); group !== undefined; group = groupAfter(group + afterSeparator))
        if (!groups.includes(group)) await drop(group);
    },
    close: () => db.close(),
  };
}
