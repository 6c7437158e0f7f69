import { encodeFeatureBatch } from '../features/index.js';
import type { ByteWriter } from './bytes.js';
import { hasChoice, isChoice, writeChoice } from './choice-codec.js';
import { batchAt, beginRecord, codes, markedFields, sealRecord } from './envelope.js';
import { encodeFieldParts } from './fields-codec.js';
import type { Impression, ShownItem } from './types.js';

/**
 * An impression's body. Joining reads names and items of each and little else, so the parts can be found without walking
 * through them, and each is decoded when it is asked for:
 *
 *   u32[5]    where the feature batch, the fields, the heads, the items and the served part begin; u32 candidates
 *   u32       where the choice begins: only in a record with this flag
 *   names     request, user, ranker, version, fingerprint
 *   served    arms, weights, tasks
 *   items     ids, positions, rows + 1 (0: not known); scores and propensities as f64
 *   heads     f32 [items, tasks]
 *   fields    UTF-8 JSON: user, context, then one per item
 *   choice    how the order was varied, and what else was scored; only in a record with this flag
 *   features  a feature batch
 * Each part starts on a multiple of 8 bytes.
 */
/** Without the place of the choice. */
export const partsBytes = 24;

export function encodeImpression(writer: ByteWriter, event: Impression): Uint8Array {
  const { fields, items, heads } = event;
  const { user, context, written } = fields;
  const { parts, marked } = encodeFieldParts([user, context, ...(written ?? fields.candidates)]);
  const choice = isChoice(event);
  const flags = (marked ? markedFields : 0) | (choice ? hasChoice : 0);
  beginRecord(writer, { code: codes.impression, flags, time: event.time });
  for (let part = 0; part < 5; part++) writer.u32(0);
  writer.u32(event.candidates);
  if (choice) writer.u32(0);
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
  writer.utf8(parts);
  const choiceAt = writer.align(8);
  if (choice) writeChoice(writer, event);
  const featuresAt = writer.align(8);
  writer.bytes(event.encodedFeatures ?? encodeFeatureBatch(event.features));
  [featuresAt, fieldsAt, headsAt, itemsAt, servedAt].forEach((at, i) => writer.patch(batchAt + 4 * i, at));
  if (choice) writer.patch(batchAt + partsBytes, choiceAt);
  return sealRecord(writer);
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
