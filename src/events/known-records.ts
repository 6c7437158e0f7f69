import type { Fields } from '../features/index.js';
import type { EventId } from './types.js';

/** Of what a generation remembers. */
const mostItems = 2 ** 15;
const mostBytes = 8 * 2 ** 20;
const pieceBytes = 64 * 1024;
/** Rows until another generation begins. */
const rowsPerGeneration = 2 ** 17;
/** Rows of a round, and how many of them are compared to find out whether to compare the others. */
const rowsPerRound = 4096;
const rowsOfTrial = 256;
/** A comparison that finds another text costs about a fifth of what reading costs. */
const leastSame = 0.2;

/** A text of records, at one of them. */
export interface RecordText {
  readonly json: Buffer;
  at: number;
  /** Reads the record, and is behind it then; undefined if it cannot be read. */
  record(): Fields | undefined;
}

/**
 * What was read from the texts of items' fields, by item. An item is nearly always logged with the bytes it was logged with
 * before, and comparing them is several times as fast as reading them. The answer is what reading gives, whatever is known:
 * how a record is read depends on nothing but its bytes.
 *
 * Known are the items of the latest rows: two generations of them, in each of which an item is remembered once, until it is
 * full. So an item that nobody is shown any more is forgotten. Where items come with other fields every time, which the
 * first rows of each round tell, the rest of the round is only read.
 */
export class KnownRecords {
  #younger = new Generation();
  #older = new Generation();
  #row = 0;
  /** In this round's trial. */
  #same = 0;
  #others = 0;

  /** The record that the text is at, of this item. Frozen if it is shared. */
  read(item: EventId, text: RecordText): Fields | undefined {
    const row = this.#row++ % rowsPerGeneration;
    if (row === 0) [this.#younger, this.#older] = [new Generation(), this.#younger];
    const inRound = row % rowsPerRound;
    if (inRound === 0) this.#same = this.#others = 0;
    const inTrial = inRound < rowsOfTrial;
    if (!inTrial && this.#same < leastSame * (this.#same + this.#others)) return text.record();

    const { at } = text;
    const younger = this.#younger.find(item);
    const known = younger ?? this.#older.find(item);
    const same = known !== undefined && passes(known, text);
    if (inTrial && known !== undefined) {
      if (same) this.#same++;
      else this.#others++;
    }
    const record = same ? known.record : text.record();
    if (younger === undefined && record !== undefined) this.#younger.keep(item, record, { text, from: at });
    return record;
  }
}

interface Known {
  readonly record: Fields;
  /** Where its text lies. */
  readonly piece: Buffer;
  readonly from: number;
  readonly to: number;
}

/** Goes behind the record if it is the known one. */
function passes({ piece, from, to }: Known, text: RecordText): boolean {
  const end = text.at + to - from;
  if (end > text.json.length || text.json.compare(piece, from, to, text.at, end) !== 0) return false;
  text.at = end;
  return true;
}

class Generation {
  readonly #known = new Map<EventId, Known>();
  /** Texts are copied, one behind the other, so that what they come from is not kept. */
  #piece = Buffer.alloc(0);
  #used = 0;
  #pieces = 0;

  find(item: EventId): Known | undefined {
    return this.#known.get(item);
  }

  /** Remembers what was read from `from` on up to where the text is. */
  keep(item: EventId, record: Fields, { text, from }: { readonly text: RecordText; readonly from: number }): void {
    const bytes = text.at - from;
    if (this.#known.size === mostItems || bytes > pieceBytes) return;
    if (this.#used + bytes > this.#piece.length) {
      if (this.#pieces === mostBytes / pieceBytes) return;
      this.#piece = Buffer.allocUnsafeSlow(pieceBytes);
      this.#used = 0;
      this.#pieces++;
    }
    const to = this.#used + text.json.copy(this.#piece, this.#used, from, text.at);
    this.#known.set(item, { record: Object.freeze(record), piece: this.#piece, from: this.#used, to });
    this.#used = to;
  }
}
