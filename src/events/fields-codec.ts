import type { Fields, FieldValue } from '../features/index.js';
import { unreadable } from './bytes.js';

/**
 * Fields as JSON, which V8 reads faster than anything written by hand. What JSON cannot say is said by objects, which no
 * field value is: {"f32": base64} for a vector, {"n": "NaN"} for a number that JSON lacks. They are looked for only where
 * `marked` says that there are some.
 */
export interface FieldsText {
  readonly json: string;
  readonly marked: boolean;
}

/** One record as it stands among others. */
export class WrittenFields implements FieldsText {
  readonly json: string;
  readonly marked: boolean;

  constructor(fields: Fields) {
    this.marked = needsMark(fields);
    this.json = JSON.stringify(this.marked ? mapValues(fields, mark) : fields);
  }
}

type Mark = { readonly f32?: unknown; readonly n?: unknown };
type Marked = FieldValue | Mark | readonly Marked[];

export const encodeFields = (records: readonly Fields[]): FieldsText => {
  const { parts, marked } = encodeFieldParts(records);
  return { json: parts.join(''), marked };
};

/** So many records are written by one call: faster than one call for each, and no text is so long that it is costly to hold. */
const recordsPerPart = 32;

/** The same as texts that follow each other; records may be written already. */
export function encodeFieldParts(records: readonly (Fields | WrittenFields)[]): {
  readonly parts: readonly string[];
  readonly marked: boolean;
} {
  const parts: string[] = [];
  let marked = false;
  /** Where the records begin that are written together: fields, all of them. */
  let from = 0;
  const writeUntil = (end: number): void => {
    if (end > from) parts.push(from === 0 ? '[' : ',', JSON.stringify(records.slice(from, end)).slice(1, -1));
    from = end;
  };
  for (let at = 0; at < records.length; at++) {
    const record = records[at] ?? {};
    if (at - from === recordsPerPart) writeUntil(at);
    if (!(record instanceof WrittenFields) && !needsMark(record)) continue;
    writeUntil(at);
    const { json, marked: isMarked } = record instanceof WrittenFields ? record : new WrittenFields(record);
    parts.push(at === 0 ? '[' : ',', json);
    marked ||= isMarked;
    from = at + 1;
  }
  writeUntil(records.length);
  parts.push(records.length === 0 ? '[]' : ']');
  return { parts, marked };
}

/** As many records as were encoded; throws event_invalid for anything else. */
export function decodeFields({ json, marked }: FieldsText): readonly Fields[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (cause) {
    throw unreadable('its fields are not JSON', cause);
  }
  if (!Array.isArray(parsed) || !parsed.every(isRecord)) throw unreadable('its fields are no records');
  return marked ? parsed.map((fields) => mapValues(fields, unmark)) : (parsed as Fields[]);
}

const isRecord = (value: unknown): value is Readonly<Record<string, Marked>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isPlain = (value: number): boolean => Number.isFinite(value) && !Object.is(value, -0);

const needsMark = (fields: Fields): boolean => {
  for (const name in fields) {
    const value = fields[name];
    if (typeof value === 'number' ? !isPlain(value) : typeof value === 'object' && value !== null && isOdd(value))
      return true;
  }
  return false;
};

const isOdd = (list: readonly (string | number)[] | Float32Array): boolean =>
  list instanceof Float32Array || list.some((member) => typeof member === 'number' && !isPlain(member));

const mark = (value: FieldValue): Marked => {
  if (typeof value === 'number' && !isPlain(value)) return { n: Object.is(value, -0) ? '-0' : String(value) };
  if (value instanceof Float32Array)
    return { f32: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') };
  return Array.isArray(value) ? value.map(mark) : value;
};

const unmark = (value: Marked): FieldValue => {
  if (Array.isArray(value)) return (value as readonly Marked[]).map(unmark) as (string | number)[];
  if (!isRecord(value)) return value as FieldValue;
  const { n, f32 } = value as Mark;
  if (typeof n === 'string') return Number(n);
  if (typeof f32 !== 'string') throw unreadable('a field is an object');
  const bytes = Uint8Array.from(Buffer.from(f32, 'base64'));
  if (bytes.length % 4 !== 0) throw unreadable('a vector is cut short');
  return new Float32Array(bytes.buffer);
};

/** Own entries only, so that a field called __proto__ is a field. */
const mapValues = <A, B>(record: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
