import type { RankerDefinition } from '../../definition/index.js';
import { WatchnextError } from '../../errors.js';
import { decodeFrame, encodeFrame } from '../codec/frame.js';
import type { StateShape } from '../feature.js';
import type { Outcome } from '../types.js';
import { zoneOf } from '../zone.js';
import { CellTable } from './cells.js';
import type { DescribedOutcomes } from './described.js';
import { PendingUpdates } from './pending.js';
import { statefulFeatures } from './shapes.js';

/** What the stateful features of a ranker remember, in memory; one writer. */
export interface FeatureState {
  /** Queues what the outcomes change; each becomes visible after its feature's feedback delay, in the order given here. */
  observe(outcomes: Iterable<Outcome>): void;
  /** The same, of outcomes [from, until) of those that were described for this ranker. */
  observeDescribed(outcomes: DescribedOutcomes, range: { readonly from: number; readonly until: number }): void;
  /** Makes visible what a read at this time may see. Readers call it; time never goes back. */
  advance(time: number): void;
  /** Drops cells without an outcome since `time` (ms since epoch); answers how many. Faded cells go by themselves. */
  expire(time: number): number;
  /** Everything, waiting outcomes included: the same bytes for the same past. */
  snapshot(): Uint8Array;
  /** Per stateful feature, how many keys are known and how many updates wait: for metrics. */
  sizes(): ReadonlyMap<string, { readonly cells: number; readonly waiting: number }>;
  /** The cells of a stateful feature, for readers. */
  cells(feature: string): CellTable | undefined;
}

const format = { magic: 'WNST', version: 1, what: 'feature state' };

interface Header {
  readonly time: number | null;
  readonly features: readonly { readonly name: string; readonly cellWidth: number; readonly updateWidth: number }[];
}

interface Part {
  readonly name: string;
  readonly shape: StateShape;
  readonly cells: CellTable;
  readonly pending: PendingUpdates;
}

/** State that has seen nothing. */
export function createFeatureState(definition: RankerDefinition): FeatureState {
  const zone = zoneOf(definition.training?.timezone);
  const parts = statefulFeatures(definition).map(({ name, shape }) => ({
    name,
    shape,
    cells: new CellTable(shape.cellWidth, fading(shape)),
    pending: new PendingUpdates(shape, zone),
  }));
  return stateOf(parts, Number.NEGATIVE_INFINITY);
}

/** The state whose snapshot this is: it reads the same bytes. Throws artifact_damaged for anything else. */
export function restoreFeatureState(definition: RankerDefinition, bytes: Uint8Array): FeatureState {
  const frame = decodeFrame(bytes, format);
  const header = frame.header as Partial<Header> | null;
  const shapes = statefulFeatures(definition);
  const expected = JSON.stringify(shapes.map(describeShape));
  if (JSON.stringify(header?.features) !== expected) {
    throw new WatchnextError('artifact_damaged', 'This feature state was made by another definition.', {
      problems: [{ path: 'features', message: `expected ${expected}`, hint: 'replay the log with this definition' }],
    });
  }
  const zone = zoneOf(definition.training?.timezone);
  const parts = shapes.map(({ name, shape }) => {
    const keys = frame.next('u32');
    const values = frame.next('f64', (keys.length / 2) * (shape.cellWidth + 1));
    const records = frame.next('f64');
    if (keys.length % 2 !== 0 || records.length % (3 + shape.updateWidth) !== 0)
      throw frame.damaged(`cells of ${name}`);
    if (!timesAreFinite(values, shape.cellWidth + 1) || !timesAreFinite(records, 3 + shape.updateWidth))
      throw frame.damaged(`times of ${name}`);
    const cells = new CellTable(shape.cellWidth, { ...fading(shape), rows: { keys, values } });
    return { name, shape, cells, pending: new PendingUpdates(shape, zone, records) };
  });
  return stateOf(parts, typeof header?.time === 'number' ? header.time : Number.NEGATIVE_INFINITY);
}

/** Rows begin with their time; no clock shows one that is not finite. */
function timesAreFinite(rows: Float64Array, stride: number): boolean {
  for (let at = 0; at < rows.length; at += stride) if (!Number.isFinite(rows[at])) return false;
  return true;
}

function stateOf(parts: readonly Part[], since: number): FeatureState {
  const byName = new Map(parts.map((part) => [part.name, part]));
  let now = since;
  return {
    observe(outcomes) {
      for (const outcome of outcomes) for (const { pending } of parts) pending.add(outcome);
    },
    observeDescribed({ features }, { from, until }) {
      parts.forEach(({ pending }, i) => {
        const { ends, records } = features[i] ?? nothing;
        pending.addRecords(records, { from: ends[from - 1] ?? 0, until: ends[until - 1] ?? 0 });
      });
    },
    advance(time) {
      if (time > now) now = time;
      for (const { pending, cells } of parts) pending.release(now, cells);
    },
    expire: (time) => parts.reduce((dropped, { cells }) => dropped + cells.expire(time), 0),
    snapshot() {
      const header: Header = { time: Number.isFinite(now) ? now : null, features: parts.map(describeShape) };
      const arrays = parts.flatMap(({ cells, pending }) => {
        const { keys, values } = cells.rows();
        return [keys, values, pending.records()];
      });
      return encodeFrame(format, header, arrays);
    },
    sizes: () => new Map(parts.map(({ name, cells, pending }) => [name, { cells: cells.size, waiting: pending.size }])),
    cells: (feature) => byName.get(feature)?.cells,
  };
}

const nothing = { ends: new Int32Array(0), records: new Float64Array(0) };

const fading = ({ fadesAfterMs }: StateShape): { fadesAfterMs?: number } =>
  fadesAfterMs === undefined ? {} : { fadesAfterMs };

const describeShape = ({ name, shape }: { name: string; shape: StateShape }): Header['features'][number] => ({
  name,
  cellWidth: shape.cellWidth,
  updateWidth: shape.updateWidth,
});
