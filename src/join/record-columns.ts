import type { EventId } from '../events/index.js';
import type { Fields, FieldValue, Frame, FrameArray } from '../features/index.js';
import { bytesOf, Column, ColumnGroup, readTexts, TextColumn, type Read, type Written } from './columns.js';

const kinds = { no: 0, yes: 1, number: 2, text: 3, none: 4 } as const;

/** Texts, numbers and booleans, each as exactly what it is; anything else is nothing, which state does not look at. */
export class ValueColumn implements Written {
  readonly #kinds = new Column(Uint8Array);
  readonly #numbers = new Column(Float64Array);
  readonly #texts = new TextColumn();
  readonly #columns = new ColumnGroup([this.#kinds, this.#numbers, this.#texts]);

  get byteLength(): number {
    return this.#columns.byteLength;
  }

  add(value: FieldValue): void {
    if (typeof value === 'string') {
      this.#kinds.add(kinds.text);
      this.#texts.add(value);
    } else if (typeof value === 'number') {
      this.#kinds.add(kinds.number);
      this.#numbers.add(value);
    } else this.#kinds.add(value === true ? kinds.yes : value === false ? kinds.no : kinds.none);
  }

  arrays(): FrameArray[] {
    return this.#columns.arrays();
  }

  clear(): void {
    this.#columns.clear();
  }
}

export function readValues(frame: Frame, name: string): Read<string | number | boolean | undefined> {
  const kindOf = bytesOf(frame);
  const numbers = frame.next('f64');
  const texts = readTexts(frame, name);
  let [at, number] = [0, 0];
  return {
    next() {
      const kind = kindOf[at++];
      if (kind === kinds.text) return texts.next();
      if (kind === kinds.number && number < numbers.length) return numbers[number++];
      if (kind === kinds.yes || kind === kinds.no) return kind === kinds.yes;
      if (kind === kinds.none) return undefined;
      throw frame.damaged(`its ${name} are cut short, or of no known kind`);
    },
    end() {
      texts.end();
      // What fills up a word is none of them.
      if (kindOf.length - at >= 4 || number !== numbers.length) throw frame.damaged(`its ${name} are too many`);
    },
  };
}

export function readIds(frame: Frame, name: string): Read<EventId> {
  const values = readValues(frame, name);
  return {
    next() {
      const id = values.next();
      if (typeof id === 'string' || typeof id === 'number') return id;
      throw frame.damaged(`one of its ${name} is neither a text nor a number`);
    },
    end: () => values.end(),
  };
}

/** Names of a record's fields, in their order. */
export type Shape = readonly string[];

/** Records of fields: nearly all have one of a few shapes, which stand in the frame's header. */
export class RecordColumn implements Written {
  readonly #shapeOf = new Column(Uint32Array);
  readonly #values = new ValueColumn();
  #shapes: Shape[] = [];
  #last = 0;

  get length(): number {
    return this.#shapeOf.length;
  }

  get byteLength(): number {
    return this.#shapeOf.byteLength + this.#values.byteLength;
  }

  get shapes(): readonly Shape[] {
    return this.#shapes;
  }

  add(record: Fields): void {
    const names = Object.keys(record);
    if (!isShape(this.#shapes[this.#last], names)) {
      const known = this.#shapes.findIndex((shape) => isShape(shape, names));
      this.#last = known < 0 ? this.#shapes.push(names) - 1 : known;
    }
    this.#shapeOf.add(this.#last);
    for (const name of names) this.#values.add(record[name]);
  }

  arrays(): FrameArray[] {
    return [...this.#shapeOf.arrays(), ...this.#values.arrays()];
  }

  clear(): void {
    this.#shapeOf.clear();
    this.#values.clear();
    this.#shapes = [];
    this.#last = 0;
  }
}

const isShape = (shape: Shape | undefined, names: Shape): boolean =>
  shape?.length === names.length && shape.every((name, i) => name === names[i]);

type Value = ReturnType<ReturnType<typeof readValues>['next']>;

/** `shapes` are what the header says of them. */
export function readRecords<T extends Fields>(frame: Frame, name: string, shapes: unknown): Read<T> {
  const shapeOf = frame.next('u32');
  const values = readValues(frame, name);
  if (!areShapes(shapes)) throw frame.damaged(`the names of its ${name} are none`);
  let at = 0;
  return {
    next() {
      const shape = shapes[shapeOf[at++] ?? shapes.length];
      if (shape === undefined) throw frame.damaged(`its ${name} are cut short, or of no known shape`);
      const record: Record<string, Value> = {};
      for (const field of shape) put(record, field, values.next());
      return record as T;
    },
    end() {
      if (at !== shapeOf.length) throw frame.damaged(`its ${name} are too many`);
      values.end();
    },
  };
}

function put(record: Record<string, Value>, name: string, value: Value): void {
  if (value === undefined) return;
  if (name !== '__proto__') record[name] = value;
  else Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true });
}

const areShapes = (shapes: unknown): shapes is readonly Shape[] =>
  Array.isArray(shapes) &&
  shapes.every((shape) => Array.isArray(shape) && shape.every((name) => typeof name === 'string'));
