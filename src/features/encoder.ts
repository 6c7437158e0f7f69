import type { RankerDefinition } from '../definition/index.js';
import type { EmbeddingReader } from '../embeddings/index.js';
import { WatchnextError } from '../errors.js';
import { biasCells, biasShape } from './bias.js';
import { compileFeatures } from './compile.js';
import type { EncodeNumbers } from './feature.js';
import { inputLayout } from './layout.js';
import type {
  Column,
  EmbeddingLookup,
  FeatureBatch,
  FeatureParameters,
  InputLayout,
  InputSlot,
  NetworkInputs,
} from './types.js';

/** Applies what was fitted: raw values to the network's input matrices. */
export interface Encoder {
  readonly layout: InputLayout;
  encode(batch: FeatureBatch): NetworkInputs;
  /** [rows] cells of the screen; `positions` [rows] 1-based, 0 = unknown. -1 = missing. */
  biasCells(batch: FeatureBatch, positions: Int32Array): Int32Array;
}

export interface EncoderOptions {
  readonly definition: RankerDefinition;
  readonly parameters: FeatureParameters;
  /** By table name, as in the layout. */
  readonly tables: ReadonlyMap<string, EmbeddingReader>;
}

/** Throws artifact_damaged when parameters or tables do not fit the definition. */
export function createEncoder({ definition, parameters, tables }: EncoderOptions): Encoder {
  const layout = inputLayout(definition);
  const slots = new Map(layout.slots.map((slot) => [slot.feature, slot]));
  const steps = compileFeatures(definition).map(({ name, feature }) => {
    const slot = slots.get(name) as InputSlot;
    return feature.type === 'numbers'
      ? { slot, encode: feature.encoder(parameters.features[name] ?? {}), width: feature.width }
      : { slot, table: readerOf(slot, tables) };
  });
  const shape = biasShape(definition);

  return {
    layout,
    encode(batch) {
      const request = new Float32Array(batch.requests * layout.requestWidth);
      const candidate = new Float32Array(batch.rows * layout.candidateWidth);
      for (const step of steps) {
        const { side, offset } = step.slot;
        const target =
          side === 'request'
            ? { out: request, stride: layout.requestWidth, offset }
            : { out: candidate, stride: layout.candidateWidth, offset };
        const count = side === 'request' ? batch.requests : batch.rows;
        const column = columnOf(batch, step.slot);
        if ('table' in step) pool(step.table, column, target);
        else encodeNumbers(step, column, { count, target });
      }
      return { requests: batch.requests, rows: batch.rows, request, candidate, requestOf: batch.requestOf };
    },
    biasCells: (batch, positions) => biasCells(shape, batch, positions),
  };
}

/** Which ids each embedded slot pools: what training admits, and where it sends gradients. */
export function embeddingLookups(layout: InputLayout, batch: FeatureBatch): EmbeddingLookup[] {
  return layout.slots.flatMap((slot) => {
    if (slot.table === undefined) return [];
    const column = columnOf(batch, slot);
    if (column.type !== 'keys') throw unfit(slot.feature, 'holds numbers where ids belong');
    return [{ slot, offsets: column.offsets, keys: column.keys }];
  });
}

type Target = Parameters<EncodeNumbers>[2];

function pool(table: EmbeddingReader, column: Column, target: Target): void {
  if (column.type !== 'keys') throw unfit('', 'holds numbers where ids belong');
  table.pool({ offsets: column.offsets, keys: column.keys, ...target });
}

function encodeNumbers(
  { slot, encode, width }: { slot: InputSlot; encode: EncodeNumbers; width: number },
  column: Column,
  { count, target }: { count: number; target: Target },
): void {
  if (column.type !== 'numbers' || column.width !== width)
    throw unfit(slot.feature, `does not hold ${width} number(s)`);
  encode(column.values, count, target);
}

function columnOf(batch: FeatureBatch, slot: InputSlot): Column {
  const column = batch.columns.get(slot.feature);
  if (column?.side !== slot.side) throw unfit(slot.feature, 'is not in the batch');
  return column;
}

const unfit = (feature: string, message: string): WatchnextError =>
  new WatchnextError('data_invalid', `Feature ${feature} ${message}.`, {
    problems: [{ path: `/features/${feature}`, message, hint: 'read the batch with the same definition' }],
  });

function readerOf(slot: InputSlot, tables: ReadonlyMap<string, EmbeddingReader>): EmbeddingReader {
  const table = tables.get(slot.table ?? '');
  if (table?.dim === slot.width) return table;
  throw new WatchnextError('artifact_damaged', `Feature ${slot.feature} needs embedding table ${slot.table ?? ''}.`, {
    problems: [{ path: `/tables/${slot.table ?? ''}`, message: `no table of width ${slot.width}` }],
  });
}
