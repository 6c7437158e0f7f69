import { decodeFeatureBatch, encodeFeatureBatch, type FeatureBatch } from '../features/index.js';
import { ByteReader, unreadable, type ByteWriter } from './bytes.js';
import { batchAt, beginRecord, codes, envelopeBytes, markedFields, sealRecord, type Envelope } from './envelope.js';
import { decodeFields, encodeFields } from './fields-codec.js';
import type { Impression, ShownItem } from './types.js';

/**
 * An impression's body. Joining reads names and items of each and little else, so the parts can be found without walking
 * through them, and each is decoded when it is asked for:
 *
 *   u32[5]    where the feature batch, the fields, the heads, the items and the served part begin; u32 candidates
 *   names     request, user, ranker, version, fingerprint
 *   served    arms, weights, tasks
 *   items     ids, positions, rows + 1 (0: not known); scores and propensities as f64
 *   heads     f32 [items, tasks]
 *   fields    UTF-8 JSON: user, context, then one per item
 *   features  a feature batch
 * Each part starts on a multiple of 8 bytes.
 */
const partsBytes = 24;

type Fields = Impression['fields'];

export function encodeImpression(writer: ByteWriter, event: Impression): Uint8Array {
  const { fields, items, heads } = event;
  const { json, marked } = encodeFields([fields.user, fields.context, ...fields.candidates]);
  beginRecord(writer, { code: codes.impression, flags: marked ? markedFields : 0, time: event.time });
  for (let part = 0; part < 5; part++) writer.u32(0);
  writer.u32(event.candidates);
  writer.text(event.requestId);
  writer.id(event.userId);
  for (const name of [event.ranker, event.version, event.fingerprint]) writer.text(name);
  const servedAt = writer.align(8);
  writeServed(writer, event);
  const itemsAt = writer.align(8);
  writeItems(writer, items);
  const headsAt = writer.align(8);
  writer.bytes(new Uint8Array(heads.buffer, heads.byteOffset, heads.byteLength));
  const fieldsAt = writer.align(8);
  writer.utf8(json);
  const featuresAt = writer.align(8);
  writer.bytes(event.encodedFeatures ?? encodeFeatureBatch(event.features));
  [featuresAt, fieldsAt, headsAt, itemsAt, servedAt].forEach((at, i) => writer.patch(batchAt + 4 * i, at));
  return sealRecord(writer);
}

/** Its names at once, the rest on first use: a part that is not what it should be throws event_invalid then. */
export function decodeImpression(bytes: Uint8Array, { time, flags, reader }: Envelope): Impression {
  const [featuresAt, fieldsAt, headsAt] = [reader.u32(), reader.u32(), reader.u32()];
  const [itemsAt, servedAt] = [reader.u32(), reader.u32()];
  const ends = [envelopeBytes + partsBytes, servedAt, itemsAt, headsAt, fieldsAt, featuresAt, bytes.length];
  if (ends.some((end, i) => end < (ends[i - 1] ?? 0))) throw unreadable('its parts are not in order');
  const candidates = reader.u32();
  const [requestId, userId, ranker] = [reader.text(), reader.id(), reader.text()];
  const [version, fingerprint] = [reader.text(), reader.text()];
  if (reader.at > servedAt) throw unreadable('its names are longer than their part');

  let served: Served | undefined;
  let items: readonly ShownItem[] | undefined;
  let heads: Float32Array | undefined;
  let fields: Fields | undefined;
  let features: FeatureBatch | undefined;
  const readServedOnce = (): Served => (served ??= readServed(new ByteReader(bytes, servedAt, itemsAt)));
  return {
    kind: 'impression',
    time,
    requestId,
    userId,
    ranker,
    version,
    fingerprint,
    candidates,
    get arms() {
      return readServedOnce().arms;
    },
    get weights() {
      return readServedOnce().weights;
    },
    get tasks() {
      return readServedOnce().tasks;
    },
    get items() {
      return (items ??= readItems(new ByteReader(bytes, itemsAt, headsAt)));
    },
    get heads() {
      return (heads ??= readHeads(bytes.subarray(headsAt, fieldsAt), this.items.length * this.tasks.length));
    },
    get fields() {
      return (fields ??= readFields(new ByteReader(bytes, fieldsAt, featuresAt), flags, this.items.length));
    },
    get features() {
      return (features ??= readFeatures(bytes.subarray(featuresAt), this.items.length));
    },
    get encodedFeatures() {
      return bytes.subarray(featuresAt);
    },
  };
}

type Served = Pick<Impression, 'arms' | 'weights' | 'tasks'>;

function writeServed(writer: ByteWriter, { arms, weights, tasks }: Served): void {
  const arm = Object.entries(arms);
  writer.count(arm.length);
  for (const text of arm.flat()) writer.text(text);
  const weight = Object.entries(weights);
  writer.count(weight.length);
  for (const [name, value] of weight) {
    writer.text(name);
    writer.f64(value);
  }
  writer.count(tasks.length);
  for (const task of tasks) writer.text(task);
}

function readServed(reader: ByteReader): Served {
  const arms = Object.fromEntries(list(reader, 2, () => [reader.text(), reader.text()] as const));
  const weights = Object.fromEntries(list(reader, 9, () => [reader.text(), reader.f64()] as const));
  return { arms, weights, tasks: list(reader, 1, () => reader.text()) };
}

function writeItems(writer: ByteWriter, items: readonly ShownItem[]): void {
  writer.count(items.length);
  for (const { id, position, row = -1, score, propensity } of items) {
    writer.id(id);
    writer.count(position);
    writer.count(row + 1);
    writer.f64(score);
    writer.f64(propensity);
  }
}

const readItems = (reader: ByteReader): ShownItem[] =>
  list(reader, 20, () => {
    const [id, position, row] = [reader.givenId(), reader.count(), reader.count() - 1];
    return { id, position, ...(row >= 0 && { row }), score: reader.f64(), propensity: reader.f64() };
  });

function readHeads(part: Uint8Array, length: number): Float32Array {
  if (part.length < 4 * length || part.length >= 4 * length + 8) throw unreadable('its heads do not fit its items');
  // Not slice(): of a Buffer that is a view.
  const aligned = part.byteOffset % 4 === 0 ? part : new Uint8Array(part);
  return new Float32Array(aligned.buffer as ArrayBuffer, aligned.byteOffset, length);
}

function readFields(reader: ByteReader, flags: number, items: number): Fields {
  const records = decodeFields({ json: reader.utf8(), marked: (flags & markedFields) !== 0 });
  const [user, context, ...candidates] = records;
  if (user === undefined || context === undefined || candidates.length !== items)
    throw unreadable('its fields do not fit its items');
  return { user, context, candidates };
}

function readFeatures(part: Uint8Array, items: number): FeatureBatch {
  let batch: FeatureBatch;
  try {
    batch = decodeFeatureBatch(part);
  } catch (cause) {
    throw unreadable('its features cannot be read', cause);
  }
  if (batch.requests !== 1 || batch.rows !== items) throw unreadable('its features do not fit its items');
  return batch;
}

function list<T>(reader: ByteReader, leastBytes: number, read: () => T): T[] {
  const entries = new Array<T>(reader.listLength(leastBytes));
  for (let i = 0; i < entries.length; i++) entries[i] = read();
  return entries;
}
