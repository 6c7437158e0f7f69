import type { Fields, FieldSource } from '../features/index.js';
import type { EntityId, EntityKind } from './entities.js';

/** Fields as a store has them. */
export class StoredFields implements FieldSource {
  readonly #kind: EntityKind;
  readonly #id: EntityId;
  readonly #value: Uint8Array;

  constructor(kind: EntityKind, id: EntityId, value: Uint8Array) {
    this.#kind = kind;
    this.#id = id;
    this.#value = value;
  }

  /** An item with its id as `item_id`; undefined for what is not the JSON of an object. */
  parse(): Fields | undefined {
    const fields = parseFields(this.#value);
    if (fields !== undefined && this.#kind === 'item') fields['item_id'] = this.#id;
    return fields;
  }

  read(): Fields {
    return this.parse() ?? {}; // what could be read once can be read again
  }
}

/** Fields under the id as it was asked for, whatever they say: one hidden class for items alike (docs/performance.md). */
export const itemFields = (id: EntityId, fields: Fields | undefined, over?: Fields): Fields => {
  const item: Record<string, Fields[string]> = { item_id: id, ...fields, ...over };
  item['item_id'] = id;
  return item;
};

const decoder = new TextDecoder();

/** Undefined for what is not the JSON of an object: one damaged value must not cost a whole list its scores. */
const parseFields = (value: Uint8Array): Record<string, Fields[string]> | undefined => {
  try {
    const fields: unknown = JSON.parse(decoder.decode(value));
    return typeof fields === 'object' && fields !== null && !Array.isArray(fields)
      ? (fields as Record<string, Fields[string]>)
      : undefined;
  } catch {
    return undefined;
  }
};
