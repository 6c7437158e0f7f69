import type { RankerDefinition } from '../definition/index.js';
import { WatchnextError } from '../errors.js';
import type { FeatureBatch } from './types.js';

const defaultPositions = 40;

/** The parts that are crossed, the first varying slowest, and how many cells that makes (0 without `bias`). */
export interface BiasShape {
  readonly cells: number;
  readonly parts: readonly { readonly name: string; readonly count: number }[];
}

export function biasShape({ bias, features }: RankerDefinition): BiasShape {
  if (bias === undefined) return { cells: 0, parts: [] };
  const parts = bias.features.map((name) => {
    if (name === 'position') return { name, count: bias.positions ?? defaultPositions };
    const feature = features[name];
    if (feature?.kind === 'category' && feature.values !== undefined) return { name, count: feature.values.length };
    throw new WatchnextError('definition_invalid', `bias cannot use ${name}.`, {
      problems: [{ path: '/bias/features', message: `${name} is neither position nor a category with listed values` }],
    });
  });
  return { cells: parts.reduce((product, { count }) => product * count, 1), parts };
}

/**
 * [rows] the cell of the cross that each row falls into, -1 if any part is missing. `positions` [rows] are
 * 1-based, 0 = unknown; positions beyond the last one told apart count as the last. The first feature varies slowest.
 */
export function biasCells({ cells, parts }: BiasShape, batch: FeatureBatch, positions: Int32Array): Int32Array {
  const result = new Int32Array(batch.rows).fill(cells === 0 ? -1 : 0);
  for (const { name, count } of parts) {
    const column = batch.columns.get(name);
    const values = column?.type === 'numbers' ? column.values : undefined;
    for (let row = 0; row < batch.rows; row++) {
      const cell = result[row] ?? -1;
      const entry = column?.side === 'request' ? (batch.requestOf[row] ?? 0) : row;
      const index = name === 'position' ? Math.min(positions[row] ?? 0, count) - 1 : (values?.[entry] ?? Number.NaN);
      result[row] = cell >= 0 && index >= 0 ? cell * count + index : -1;
    }
  }
  return result;
}
