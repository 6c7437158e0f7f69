import type { FeatureBatch } from '../../src/features/index.js';
import type { JudgedRows } from '../../training/stream/index.js';

export interface JudgedRequest {
  readonly time?: number;
  readonly version?: string;
  readonly arms?: readonly string[];
  /** Per row: what is known of each task, what the learner said, what was served. */
  readonly rows: readonly {
    labels: number[];
    predicted?: number[];
    served?: number[];
    length?: number;
    ids?: number[];
  }[];
}

/** Judged rows with two features: a number and a bag of ids. */
export function judgedRows(requests: readonly JudgedRequest[]): JudgedRows {
  const rows = requests.flatMap(({ rows: ofRequest }) => ofRequest);
  const bags = rows.map(({ ids = [1] }) => ids);
  const offsets = Int32Array.from([0, ...bags.map((_, i) => bags.slice(0, i + 1).flat().length)]);
  const batch: FeatureBatch = {
    requests: requests.length,
    rows: rows.length,
    requestOf: Int32Array.from(requests.flatMap((request, index) => request.rows.map(() => index))),
    columns: new Map([
      [
        'length',
        { side: 'candidate', type: 'numbers', width: 1, values: Float32Array.from(rows, ({ length = 1 }) => length) },
      ],
      [
        'item_id',
        { side: 'candidate', type: 'keys', offsets, keys: Uint32Array.from(bags.flat().flatMap((id) => [0, id])) },
      ],
    ]),
  };
  const unknown = rows[0]?.labels.map(() => Number.NaN) ?? [];
  return {
    batch,
    times: Float64Array.from(requests, ({ time = 0 }) => time),
    labels: Float32Array.from(rows.flatMap(({ labels }) => labels)),
    predicted: Float32Array.from(rows.flatMap(({ predicted }) => predicted ?? unknown)),
    served: Float32Array.from(rows.flatMap(({ served }) => served ?? unknown)),
    versions: requests.map(({ version = 'v1' }) => version),
    arms: requests.map(({ arms = [] }) => arms),
  };
}
