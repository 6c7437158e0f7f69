import type { Impression, ItemList } from '../events/index.js';
import { encodeFeatureBatch } from '../features/index.js';
import type { LabelBook } from './labels.js';
import { Slab, type Piece } from './slab.js';

/** Who serves, and by what definition. */
export interface Served {
  readonly ranker: string;
  readonly fingerprint: string;
}

/** What is learned from a list. */
export interface LessonParts extends Served {
  readonly version: string;
  readonly arms: Readonly<Record<string, string>>;
  /** [rows] 1-based. */
  readonly positions: Int32Array;
  /** [rows, tasks] in the order of the definition's tasks. */
  readonly served: Float32Array;
  readonly features: Uint8Array;
}

type LessonNames = Pick<LessonParts, 'ranker' | 'fingerprint' | 'version' | 'arms'>;

/** In bytes, from where a lesson begins; what is served is at 0. */
export const positionsAt = (cells: number): number => 4 * cells;
export const featuresAt = (rows: number, cells: number): number => Math.ceil((4 * (rows + cells)) / 8) * 8;

/** What it takes to learn from a list. Kept for millions, so its arrays are views that are made when they are asked for. */
export class Lesson implements LessonParts {
  readonly ranker: string;
  readonly fingerprint: string;
  readonly version: string;
  readonly arms: Readonly<Record<string, string>>;
  /** Of the feedback that its example will have. */
  feedbackTimes: readonly number[] = none;
  readonly #piece: Piece;
  /** In bytes: served, then positions, then on a multiple of 8 the features. */
  readonly #at: number;
  readonly #rows: number;
  readonly #cells: number;
  readonly #featureBytes: number;

  constructor(
    { ranker, fingerprint, version, arms }: LessonNames,
    slab: Slab,
    sizes: { readonly rows: number; readonly cells: number; readonly featureBytes: number },
  ) {
    this.ranker = ranker;
    this.fingerprint = fingerprint;
    this.version = version;
    this.arms = arms;
    this.#rows = sizes.rows;
    this.#cells = sizes.cells;
    this.#featureBytes = sizes.featureBytes;
    this.#at = slab.take(featuresAt(sizes.rows, sizes.cells) + sizes.featureBytes);
    this.#piece = slab.piece;
  }

  /** With arrays of its own. */
  static of(parts: LessonParts, slab: Slab): Lesson {
    const { positions, served, features } = parts;
    const sizes = { rows: positions.length, cells: served.length, featureBytes: features.length };
    const lesson = new Lesson(parts, slab, sizes);
    lesson.positions.set(positions);
    lesson.served.set(served);
    lesson.features.set(features);
    return lesson;
  }

  get rows(): number {
    return this.#rows;
  }

  get featureBytes(): number {
    return this.#featureBytes;
  }

  /** All of its arrays as they lie. */
  get bytes(): Uint8Array {
    return this.#piece.bytes.subarray(this.#at, this.#at + featuresAt(this.#rows, this.#cells) + this.#featureBytes);
  }

  get served(): Float32Array {
    return new Float32Array(this.#piece.floats.buffer, this.#at, this.#cells);
  }

  get positions(): Int32Array {
    return new Int32Array(this.#piece.integers.buffer, this.#at + positionsAt(this.#cells), this.#rows);
  }

  get features(): Uint8Array {
    const at = this.#at + featuresAt(this.#rows, this.#cells);
    return new Uint8Array(this.#piece.bytes.buffer, at, this.#featureBytes);
  }

  /** Fills it; `columns` are the places of this ranker's tasks among the impression's, -1 where it has none. */
  write({ heads, tasks }: Impression, { positions }: ItemList, columns: readonly number[], features: Uint8Array): this {
    const width = tasks.length;
    const { floats, integers, bytes } = this.#piece;
    let at = this.#at / 4;
    for (let row = 0; row < positions.length; row++) {
      for (let i = 0; i < columns.length; i++) {
        const column = columns[i] ?? -1;
        floats[at++] = column < 0 ? Number.NaN : (heads[row * width + column] ?? Number.NaN);
      }
    }
    for (const position of positions) integers[at++] = position;
    bytes.set(features, this.#at + featuresAt(this.#rows, this.#cells));
    return this;
  }
}

const none: readonly number[] = [];

/** Keeps what is to be learned from impressions of a ranker, in memory of its own: the log's bytes are not kept. */
export class LessonShelf {
  readonly #slab = new Slab();
  readonly #tasks: LabelBook['tasks'];
  /** What an impression has in common with the one before it is shared. */
  #last: LessonNames | undefined;
  #named: readonly string[] = [];
  #columns: readonly number[] = [];

  constructor({ tasks }: LabelBook) {
    this.#tasks = tasks;
  }

  keep(event: Impression, list: ItemList): Lesson {
    if (event.tasks !== this.#named) {
      this.#named = event.tasks;
      this.#columns = this.#tasks.map(({ task }) => event.tasks.indexOf(task));
    }
    const last = this.#last;
    const names = {
      ranker: event.ranker === last?.ranker ? last.ranker : event.ranker,
      fingerprint: event.fingerprint === last?.fingerprint ? last.fingerprint : event.fingerprint,
      version: event.version === last?.version ? last.version : event.version,
      arms: last !== undefined && sameArms(last.arms, event.arms) ? last.arms : event.arms,
    };
    const features = event.encodedFeatures ?? encodeFeatureBatch(event.features);
    const { length: rows } = list.ids;
    const sizes = { rows, cells: rows * this.#tasks.length, featureBytes: features.length };
    const lesson = new Lesson(names, this.#slab, sizes).write(event, list, this.#columns, features);
    this.#last = lesson;
    return lesson;
  }

  /** What was kept before. */
  restore(parts: LessonParts, feedbackTimes: readonly number[]): Lesson {
    const lesson = Lesson.of(parts, this.#slab);
    lesson.feedbackTimes = feedbackTimes;
    return lesson;
  }
}

function sameArms(a: Lesson['arms'], b: Lesson['arms']): boolean {
  if (a === b) return true;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
