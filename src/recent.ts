/** The names met last: a bounded memory that forgets the oldest first. */
export interface RecentNames {
  has(name: string): boolean;
  add(name: string): void;
}

/** Two generations of half the capacity: when the younger is full, the older is forgotten as a whole. */
export const createRecentNames = (capacity: number): RecentNames => {
  let younger = new Set<string>();
  let older = new Set<string>();
  return {
    has: (name) => younger.has(name) || older.has(name),
    add: (name) => {
      younger.add(name);
      if (younger.size < capacity / 2) return;
      older = younger;
      younger = new Set();
    },
  };
};
