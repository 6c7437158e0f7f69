import type { RankerDefinition } from '../../src/definition/index.js';
import type { LoadedArtifact } from '../../src/artifact/index.js';
import { createEncoder, type Column, type FeatureBatch, type InputSlot } from '../../src/features/index.js';

export type Side = InputSlot['side'];

/** One input of a self-contained file. */
export interface SelfContainedInput {
  readonly name: string;
  readonly dtype: 'float32' | 'int64' | 'int32';
  readonly shape: readonly (number | string)[];
  readonly side: Side;
  /** The slots it feeds, with their first column in it (0 for ids). */
  readonly slots: readonly { readonly slot: InputSlot; readonly column: number }[];
}

export const denseInput = (side: Side): string => `${side}_dense`;
const entriesOf = (side: Side): string => (side === 'request' ? 'requests' : 'rows');

/** Features that are one id per entry; the other embedded ones are lists. */
export const isSingle = (definition: RankerDefinition, feature: string): boolean =>
  ['id', 'category'].includes(definition.features[feature]?.kind ?? '');

/**
 * The inputs in place of the serving graph's two matrices: per side the encoded columns that are not embedded, and per
 * embedded feature the 64-bit hashes of its ids, 0 where there is none.
 */
export function selfContainedInputs({
  manifest: { layout },
  definition,
}: Pick<LoadedArtifact, 'manifest' | 'definition'>): SelfContainedInput[] {
  const sides: readonly Side[] = ['request', 'candidate'];
  return sides.flatMap((side): SelfContainedInput[] => {
    const slots = layout.slots.filter((slot) => slot.side === side);
    const embedded = slots.filter(({ table }) => table !== undefined);
    let width = 0;
    const dense = slots
      .filter(({ table }) => table === undefined)
      .map((slot) => ({ slot, column: (width += slot.width) - slot.width }));
    const ids = embedded.map((slot): SelfContainedInput => {
      const entries = entriesOf(side);
      const shape = isSingle(definition, slot.feature) ? [entries] : [entries, `${slot.feature}_length`];
      return { name: slot.feature, dtype: 'int64', shape, side, slots: [{ slot, column: 0 }] };
    });
    // A side without any columns keeps its empty matrix: it says how many entries there are.
    if (dense.length === 0 && embedded.length > 0) return ids;
    const shape = [entriesOf(side), width];
    return [{ name: denseInput(side), dtype: 'float32', shape, side, slots: dense }, ...ids];
  });
}

export interface InputTensor {
  readonly dtype: SelfContainedInput['dtype'];
  readonly values: Float32Array | BigInt64Array | Int32Array;
  readonly dims: readonly number[];
}

/** What a self-contained file is fed for a batch, by input name. */
export function selfContainedFeeds(artifact: LoadedArtifact, batch: FeatureBatch): Map<string, InputTensor> {
  const encoded = createEncoder(artifact).encode(batch);
  const { requestWidth, candidateWidth } = artifact.manifest.layout;
  const feeds = selfContainedInputs(artifact).map((input): [string, InputTensor] => {
    const { name, dtype, side, slots } = input;
    const entries = batch[side === 'request' ? 'requests' : 'rows'];
    const column = batch.columns.get(name);
    if (dtype === 'int64' && column?.type === 'keys') return [name, hashesOf(column, input.shape.length)];
    const width = input.shape[1] as number;
    const stride = side === 'request' ? requestWidth : candidateWidth;
    const values = new Float32Array(entries * width);
    for (let entry = 0; entry < entries; entry += 1) {
      for (const { slot, column: at } of slots) {
        const from = entry * stride + slot.offset;
        values.set(encoded[side].subarray(from, from + slot.width), entry * width + at);
      }
    }
    return [name, { dtype: 'float32', values, dims: [entries, width] }];
  });
  return new Map([
    ...feeds,
    ['request_of', { dtype: 'int32', values: batch.requestOf.slice(), dims: [batch.rows] }] as const,
  ]);
}

/** Bags as a rectangle: [bags], or [bags, longest] filled up with 0. */
function hashesOf({ offsets, keys }: Extract<Column, { type: 'keys' }>, rank: number): InputTensor {
  const bags = offsets.length - 1;
  let length = 1;
  for (let bag = 0; bag < bags; bag += 1) {
    length = Math.max(length, (offsets[bag + 1] as number) - (offsets[bag] as number));
  }
  const values = new BigInt64Array(bags * length);
  for (let bag = 0; bag < bags; bag += 1) {
    const start = offsets[bag] as number;
    for (let key = start; key < (offsets[bag + 1] as number); key += 1) {
      values[bag * length + key - start] = hash64(keys[2 * key] as number, keys[2 * key + 1] as number);
    }
  }
  return { dtype: 'int64', values, dims: rank === 1 ? [bags] : [bags, length] };
}

/** The two halves of an id's hash as ONNX's signed 64-bit integer. */
export const hash64 = (high: number, low: number): bigint => BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low));
