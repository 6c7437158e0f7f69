import { randomUUID } from 'node:crypto';
import {
  referenceName,
  type Artifacts,
  type ChainEnd,
  type Golden,
  type LoadedArtifact,
  type ModelDelta,
} from '../artifact/index.js';
import type { EmbeddingTable, TableHandle } from '../embeddings/index.js';
import { createRooms, type Rooms } from './rooms.js';

/** Names tables that somebody reads: the chain, and how many of its deltas they have. */
export interface Place {
  readonly chain: string;
  readonly sequence: number;
}

/** What serves after some deltas, in place of what served before. */
export interface Update {
  readonly place: Place;
  /** `<version>+<n>` */
  readonly version: string;
  readonly tables: ReadonlyMap<string, TableHandle>;
  /** In shared memory, until it and all that have no other are released; absent if it did not change. */
  readonly graph?: Uint8Array;
  readonly golden: Golden;
  readonly facts: UpdateFacts;
}

export interface UpdateFacts {
  readonly sequence: number;
  /** When the last of the deltas was made, in milliseconds since the epoch. */
  readonly createdMs: number;
  /** Event time up to which everything is learned, in milliseconds. */
  readonly learnedUntil: number;
  /** Event times of feedback that these deltas are the first to have learned from. */
  readonly feedbackTimes: Float64Array;
}

export interface AdvanceOptions {
  readonly ranker: string;
  /** The sealed version. */
  readonly base: string;
  /** What serves now. */
  readonly place: Place;
  /** How many deltas may serve; all if undefined. */
  readonly through: number | undefined;
}

/**
 * The versions that serve with what learning adds to them. Tables and graph are kept twice: deltas are applied to the copy
 * that nobody reads, which then takes the place of the other; the two change places with every update. Their memory is used
 * again for the next version. All methods one at a time.
 */
export interface Chains {
  /** Loads a version, `<version>` or `<version>+<n>`, whose tables are in use until they are released. */
  open(ranker: string, version: string): Promise<{ readonly artifact: LoadedArtifact; readonly opened: Update }>;
  /**
   * Applies all deltas that wait; undefined if none does, or if both copies are still in use. Rejects with the reason if a
   * delta does not apply: nobody has seen any of it then. Answers what is in use until it is released.
   */
  advance(options: AdvanceOptions): Promise<Update | undefined>;
  /** Nobody reads these tables any more. */
  release(place: Place): void;
}

interface Copy {
  readonly tables: ReadonlyMap<string, EmbeddingTable>;
  sequence: number;
  used: boolean;
  /** What its models run, in shared memory; that of the other copy as well where deltas brought no other. */
  graph: Uint8Array<SharedArrayBuffer>;
}

interface Chain {
  readonly ranker: string;
  readonly base: string;
  /** One or two. */
  readonly copies: Copy[];
  /** The last delta that was read. */
  end: ChainEnd;
  /** By sequence: deltas that not every copy has. */
  readonly recent: Map<number, ModelDelta>;
}

/** Feedback that was learned before `startedMs` was met by others who served it: it says nothing of freshness here. */
export const createChains = (artifacts: Artifacts, startedMs: number): Chains => {
  const chains = new Map<string, Chain>();
  const rooms = createRooms();

  const open: Chains['open'] = async (ranker, version) => {
    const artifact = await artifacts.load(ranker, version, { memory: rooms.take });
    const { manifest, tables, chain: end, golden } = artifact;
    const graph = shared(artifact.graph, rooms);
    const copy = { tables, sequence: end.sequence, used: true, graph };
    const id = randomUUID();
    chains.set(id, { ranker, base: manifest.version, copies: [copy], end, recent: new Map() });
    const facts = {
      sequence: end.sequence,
      createdMs: artifact.createdMs ?? Date.parse(manifest.created),
      learnedUntil: artifact.learned?.until ?? Date.parse(manifest.data.until),
      feedbackTimes: new Float64Array(0),
    };
    const opened = {
      place: { chain: id, sequence: end.sequence },
      version: referenceName({ version: manifest.version, sequence: end.sequence }),
      tables: handles(copy),
      graph,
      golden,
      facts,
    };
    return { artifact, opened };
  };

  return {
    open,

    advance: async ({ ranker, base, place, through = Infinity }) => {
      const known = await artifacts.deltas(ranker, base);
      const last = Math.min(known.at(-1) ?? 0, through);
      if (last <= place.sequence) return undefined;
      const chain = chains.get(place.chain);
      // The thread that had it ended, and this one took its place.
      if (chain === undefined) return (await open(ranker, referenceName({ version: base, sequence: last }))).opened;
      const copy = spareCopy(chain, rooms);
      if (copy === undefined || copy.sequence > last) return undefined;
      while (copy.sequence < last) {
        const { tables } = await deltaAfter(artifacts, chain, copy.sequence);
        for (const [name, changes] of tables) copy.tables.get(name)?.apply(changes);
        copy.sequence++;
      }
      copy.used = true;
      return updateOf({ id: place.chain, chain, copy, startedMs, rooms }, place.sequence);
    },

    release: ({ chain: id, sequence }) => {
      const chain = chains.get(id);
      if (chain === undefined) return;
      for (const copy of chain.copies) if (copy.sequence === sequence) copy.used = false;
      if (chain.copies.some(({ used }) => used)) return;
      chains.delete(id);
      for (const room of roomsOf(chain)) rooms.giveBack(room);
    },
  };
};

/** The copy that nobody reads; made when it is needed for the first time. */
const spareCopy = ({ copies }: Chain, rooms: Rooms): Copy | undefined => {
  const spare = copies.find(({ used }) => !used);
  const [first] = copies;
  if (spare !== undefined || first === undefined || copies.length > 1) return spare;
  const tables = new Map([...first.tables].map(([name, table]) => [name, table.copy(rooms.take)]));
  const copy = { ...first, tables, used: false };
  copies.push(copy);
  return copy;
};

const deltaAfter = async (artifacts: Artifacts, chain: Chain, sequence: number): Promise<ModelDelta> => {
  const known = chain.recent.get(sequence + 1);
  if (known !== undefined) return known;
  const { delta, hash } = await artifacts.nextDelta(chain.ranker, chain.base, chain.end);
  chain.end = { sequence: delta.sequence, hash };
  chain.recent.set(delta.sequence, delta);
  return delta;
};

const updateOf = (
  { id, chain, copy, startedMs, rooms }: { id: string; chain: Chain; copy: Copy; startedMs: number; rooms: Rooms },
  served: number,
): Update => {
  const { recent, copies, base: version } = chain;
  const { sequence } = copy;
  const applied = [...recent.values()].filter((delta) => delta.sequence > served && delta.sequence <= sequence);
  const last = applied.at(-1);
  if (last === undefined) throw new Error(`no delta between ${served} and ${sequence}`);
  const everywhere = Math.min(...copies.map((each) => each.sequence));
  for (const known of recent.keys()) if (known <= everywhere) recent.delete(known);
  const brought = applied.findLast((delta) => delta.graph !== undefined)?.graph;
  const { graph: kept = copy.graph } = copies.find((other) => other !== copy) ?? {};
  // Nobody reads the one of before here, but it may be what serves.
  if (copy.graph !== kept) rooms.giveBack(copy.graph.buffer);
  copy.graph = brought === undefined ? kept : shared(brought, rooms);
  const fresh = applied.filter(({ createdMs }) => createdMs >= startedMs);
  return {
    place: { chain: id, sequence },
    version: referenceName({ version, sequence }),
    tables: handles(copy),
    ...(brought !== undefined && { graph: copy.graph }),
    golden: last.golden,
    facts: {
      sequence,
      createdMs: last.createdMs,
      learnedUntil: last.learned.until,
      feedbackTimes: Float64Array.from(fresh.flatMap(({ learned }) => [...learned.feedbackTimes])),
    },
  };
};

const handles = ({ tables }: Copy): ReadonlyMap<string, TableHandle> =>
  new Map([...tables].map(([name, table]) => [name, table.share()]));

/** So that a graph of megabytes crosses threads without a copy on the one that answers requests. */
const shared = (bytes: Uint8Array, rooms: Rooms): Uint8Array<SharedArrayBuffer> => {
  const copy = new Uint8Array(rooms.take(bytes.length), 0, bytes.length);
  copy.set(bytes);
  return copy;
};

const roomsOf = ({ copies }: Chain): ReadonlySet<SharedArrayBuffer> =>
  new Set(
    copies.flatMap((copy) => [
      copy.graph.buffer,
      ...[...handles(copy).values()].flatMap(({ slots, records }) => [slots, records]),
    ]),
  );
