import { unreadable, type ByteReader, type ByteWriter } from './bytes.js';
import type { Exploration, Impression } from './types.js';

/** How an order came about, and from what: a part that an impression has only where there is something to say. */
export type Choice = Pick<Impression, 'form' | 'exploration' | 'unshown'>;

/** A flag of the record: it has this part. */
export const hasChoice = 2;

export const isChoice = ({ form, exploration, unshown }: Choice): boolean =>
  form !== undefined || exploration !== undefined || unshown !== undefined;

/** What a byte says, 0 for what is left out. */
const forms = [undefined, 'product', 'sum'] as const;
const draws = [undefined, 'greedy', 'noise', 'swap'] as const;

/**
 *   u8 form   u8 drawn   with it: f64 share, temperature, swaps   with swap: position, u8 swapped
 *   u8 whether the unshown follow: ids with rows; heads as f32 [ids, tasks], from a multiple of 4
 */
export function writeChoice(writer: ByteWriter, { form, exploration, unshown }: Choice): void {
  writer.u8(forms.indexOf(form));
  writer.u8(draws.indexOf(exploration?.drawn));
  if (exploration !== undefined) {
    const { share, temperature, swaps, drawn, swap } = exploration;
    for (const number of [share, temperature, swaps]) writer.f64(number);
    if (drawn === 'swap') {
      writer.count(swap?.position ?? 0);
      writer.u8(swap?.swapped === true ? 1 : 0);
    }
  }
  writer.u8(unshown === undefined ? 0 : 1);
  if (unshown === undefined) return;
  const { ids, rows, heads } = unshown;
  writer.count(ids.length);
  ids.forEach((id, at) => {
    writer.id(id);
    writer.count(rows[at] ?? 0);
  });
  writer.align(4);
  writer.bytes(new Uint8Array(heads.buffer, heads.byteOffset, heads.byteLength));
}

/** The reader is at the part, whose heads have this many tasks. Throws event_invalid. */
export function readChoice(reader: ByteReader, tasks: number): Choice {
  const form = oneOf(forms, reader.u8(), 'form');
  const drawn = oneOf(draws, reader.u8(), 'draw');
  const exploration = drawn === undefined ? undefined : readExploration(reader, drawn);
  const unshown = reader.u8() === 0 ? undefined : readUnshown(reader, tasks);
  return {
    ...(form !== undefined && { form }),
    ...(exploration !== undefined && { exploration }),
    ...(unshown !== undefined && { unshown }),
  };
}

function readExploration(reader: ByteReader, drawn: Exploration['drawn']): Exploration {
  const policy = { share: reader.f64(), temperature: reader.f64(), swaps: reader.f64(), drawn };
  return drawn === 'swap' ? { ...policy, swap: { position: reader.count(), swapped: reader.u8() === 1 } } : policy;
}

function readUnshown(reader: ByteReader, tasks: number): NonNullable<Choice['unshown']> {
  const length = reader.listLength(3);
  const ids = new Array<string | number>(length);
  const rows = new Int32Array(length);
  for (let at = 0; at < length; at++) {
    ids[at] = reader.givenId();
    rows[at] = reader.count();
  }
  reader.align(4);
  // Copied: the numbers must lie on a multiple of four in memory, and the bytes may begin anywhere.
  const heads = new Float32Array(length * tasks);
  new Uint8Array(heads.buffer).set(reader.bytes(heads.byteLength));
  return { ids, rows, heads };
}

function oneOf<T>(words: readonly T[], code: number, what: string): T | undefined {
  if (code >= words.length) throw unreadable(`a ${what} of kind ${code} is not known`);
  return words[code];
}
