import type { ChainEnd } from '../../src/artifact/index.js';
import { encodeTable, type TableSnapshot } from '../../src/embeddings/index.js';
import { WatchnextError } from '../../src/errors.js';
import type { JoinedExample } from '../../src/join/index.js';
import type { ModelState } from '../fit/index.js';
import { readSections, type SectionArray, type Sections } from '../sections/index.js';
import type { LearnerPlace } from './place.js';
import { decodeWaiting, encodeWaiting } from './waiting.js';

/** In version 1 the joined stream was one array. */
const format = 2;
const readable: readonly number[] = [1, format];

/** What a checkpoint says of itself. */
export interface CheckpointFacts {
  readonly ranker: string;
  readonly fingerprint: string;
  /** The version learned on from, then those that were sealed on the way. */
  readonly line: readonly string[];
  /** How far the last of them was followed up by deltas. */
  readonly published: ChainEnd;
  readonly place: LearnerPlace;
}

/** Everything a learner goes on from. */
export interface CheckpointParts {
  readonly facts: CheckpointFacts;
  /** A snapshot of the joined stream, by its frames. */
  readonly stream: readonly Uint8Array[];
  /** Snapshots of the feature state and the windows. */
  readonly state: Uint8Array;
  readonly windows: Uint8Array;
  /** Examples that wait for a full batch. */
  readonly waiting: readonly JoinedExample[];
  readonly dense: ModelState['dense'];
  readonly tables: ReadonlyMap<string, TableSnapshot>;
}

/** The same, read back. */
export interface StoredCheckpoint extends Omit<CheckpointParts, 'dense' | 'tables'> {
  readonly model: ModelState;
}

interface Header extends CheckpointFacts {
  readonly format: number;
  readonly tables: readonly (readonly [name: string, header: TableSnapshot['header']])[];
}

const parts = ['state', 'windows'] as const;

/** As sections: no array is copied. */
export function sectionsOf(checkpoint: CheckpointParts): Sections {
  const { facts, waiting, dense, tables } = checkpoint;
  const header: Header = {
    ...facts,
    format,
    tables: [...tables].map(([name, { header: table }]) => [name, table]),
  };
  return {
    header,
    arrays: new Map<string, SectionArray>([
      ...checkpoint.stream.map((frame, i) => [`stream/${i}`, frame] as const),
      ...parts.map((name) => [name, checkpoint[name]] as const),
      ...encodeWaiting(waiting),
      ...[...dense].map(([name, values]) => [`dense/${name}`, values] as const),
      ...[...tables].map(
        ([name, { words, header: table }]) => [`tables/${name}`, words.subarray(0, wordsOf(table))] as const,
      ),
    ]),
  };
}

/** Throws checkpoint_damaged, with the file's name, for anything but a whole checkpoint of this format. */
export async function readCheckpoint(path: string): Promise<StoredCheckpoint> {
  try {
    return await read(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new WatchnextError('checkpoint_damaged', `The checkpoint ${path} cannot be used: ${why}`, {
      problems: [{ path, message: why, hint: 'an older one is used if there is one' }],
      cause,
    });
  }
}

async function read(path: string): Promise<StoredCheckpoint> {
  const sections = await readSections(path);
  if (sections === undefined) throw new Error('it is gone');
  const { format: found, tables, ...facts } = sections.header as Header;
  if (!readable.includes(found))
    throw new Error(`its format is version ${found}; this program reads versions ${readable.join(' and ')}`);
  const { arrays } = sections;
  const bytes = (name: string): Uint8Array => {
    const array = arrays.get(name);
    if (array instanceof Uint8Array) return array;
    throw new Error(`it has no ${name}`);
  };
  const named = (prefix: string): [string, SectionArray][] =>
    [...arrays].flatMap(([name, array]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), array]] : []));
  const words = new Map(named('tables/'));
  return {
    facts,
    stream: found === 1 ? [bytes('stream')] : named('stream/').map(([i]) => bytes(`stream/${i}`)),
    state: bytes('state'),
    windows: bytes('windows'),
    waiting: decodeWaiting(arrays),
    model: {
      dense: new Map(named('dense/')) as ModelState['dense'],
      tables: new Map(
        tables.map(([name, header]) => [
          name,
          encodeTable({ header, words: words.get(name) as TableSnapshot['words'] }),
        ]),
      ),
    },
  };
}

const wordsOf = ({ sections }: TableSnapshot['header']): number => sections.reduce((sum, { words }) => sum + words, 0);
