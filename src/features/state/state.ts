import type { RankerDefinition } from '../../definition/index.js';
import { WatchnextError } from '../../errors.js';
import { encodeFrame, readFrame, type Frame, type FrameArray } from '../codec/frame.js';
import type { StateShape } from '../feature.js';
import type { Outcome } from '../types.js';
import { zoneOf } from '../zone.js';
import type { CellRows } from './cells.js';
import { recordHeader, type DescribedOutcomes } from './described.js';
import { FeatureCells, type FeatureRows } from './feature-cells.js';
import { statefulFeatures } from './shapes.js';

/** What the stateful features of a ranker remember, in memory; one writer. */
export interface FeatureState {
  /** Tells it what people did; each outcome becomes visible after its feature's feedback delay, in the order given here. */
  observe(outcomes: Iterable<Outcome>): void;
  /** The same, of outcomes [from, until) of those that were described for this ranker. */
  observeDescribed(outcomes: DescribedOutcomes, range: { readonly from: number; readonly until: number }): void;
  /** Makes visible what a read at this time may see. Readers call it; time never goes back. */
  advance(time: number): void;
  /** Drops keys without an outcome since `time` (ms since epoch); answers how many. Faded ones go by themselves. */
  expire(time: number): number;
  /** Everything, what is not visible yet included: the same bytes for the same past. */
  snapshot(): Uint8Array;
  /** Per stateful feature, how many keys are known, and how many cells will change at moments that have not come. */
  sizes(): ReadonlyMap<string, { readonly cells: number; readonly waiting: number }>;
  /** The cells of a stateful feature, for readers. */
  cells(feature: string): FeatureCells | undefined;
}

/**
 * Per feature: keys and values of the cells that are seen, then those of each epoch to come. Version 1 had, in the place of epochs, a
 * record for each outcome that waits.
 */
const format = { magic: 'WNST', version: 2, older: [1], what: 'feature state' };

interface Header {
  readonly time: number | null;
  readonly features: readonly { readonly name: string; readonly cellWidth: number; readonly updateWidth: number }[];
  /** By feature: when its epochs begin. */
  readonly upcoming: readonly (readonly number[])[];
}

interface Part {
  readonly name: string;
  readonly shape: StateShape;
  readonly cells: FeatureCells;
}

/** State that has seen nothing. */
export function createFeatureState(definition: RankerDefinition): FeatureState {
  const zone = zoneOf(definition.training?.timezone);
  const past = { now: Number.NEGATIVE_INFINITY };
  const parts = statefulFeatures(definition).map(({ name, shape }) => {
    return { name, shape, cells: new FeatureCells(shape, zone, past) };
  });
  return stateOf(parts, past.now);
}

/** The state whose snapshot this is: it reads the same bytes. Throws artifact_damaged for anything else. */
export function restoreFeatureState(definition: RankerDefinition, bytes: Uint8Array): FeatureState {
  return readFrame(bytes, format, (frame) => {
    const header = frame.header as Partial<Header> | null;
    const shapes = statefulFeatures(definition);
    const expected = JSON.stringify(shapes.map(describeShape));
    if (JSON.stringify(header?.features) !== expected) {
      throw new WatchnextError('artifact_damaged', 'This feature state was made by another definition.', {
        problems: [{ path: 'features', message: `expected ${expected}`, hint: 'replay the log with this definition' }],
      });
    }
    const zone = zoneOf(definition.training?.timezone);
    const now = typeof header?.time === 'number' ? header.time : Number.NEGATIVE_INFINITY;
    const parts = shapes.map(({ name, shape }, i) => {
      const part = { frame, name, shape };
      const seen = cellsOf(part);
      if (frame.version === 1) {
        const cells = new FeatureCells(shape, zone, { now, rows: { seen, upcoming: [] } });
        const records = recordsOf(part);
        cells.tellRecords(records, { from: 0, until: records.length / (recordHeader + shape.updateWidth) });
        return { name, shape, cells };
      }
      const moments = header?.upcoming?.[i] ?? [];
      if (!moments.every((from, at) => Number.isFinite(from) && from > (moments[at - 1] ?? Number.NEGATIVE_INFINITY)))
        throw frame.damaged(`moments of ${name}`);
      const upcoming = moments.map((from) => ({ from, ...cellsOf(part) }));
      return { name, shape, cells: new FeatureCells(shape, zone, { now, rows: { seen, upcoming } }) };
    });
    return stateOf(parts, now);
  });
}

/** What is read of a frame for one feature. */
interface FramePart {
  readonly frame: Frame;
  readonly name: string;
  readonly shape: StateShape;
}

function cellsOf({ frame, name, shape }: FramePart): CellRows {
  const stride = shape.cellWidth + 1;
  const keys = frame.next('u32');
  const values = frame.next('f64', (keys.length / 2) * stride);
  if (keys.length % 2 !== 0) throw frame.damaged(`cells of ${name}`);
  if (!timesAreFinite(values, stride)) throw frame.damaged(`times of cells of ${name}`);
  return { keys, values };
}

/** Of version 1: outcomes that wait. */
function recordsOf({ frame, name, shape }: FramePart): Float64Array {
  const stride = recordHeader + shape.updateWidth;
  const records = frame.next('f64');
  if (records.length % stride !== 0) throw frame.damaged(`records of ${name}`);
  if (!timesAreFinite(records, stride)) throw frame.damaged(`times of records of ${name}`);
  return records;
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
      for (const outcome of outcomes) for (const { cells } of parts) cells.tell(outcome);
    },
    observeDescribed({ features }, { from, until }) {
      parts.forEach(({ cells }, i) => {
        const { ends, records } = features[i] ?? nothing;
        cells.tellRecords(records, { from: ends[from - 1] ?? 0, until: ends[until - 1] ?? 0 });
      });
    },
    advance(time) {
      if (time > now) now = time;
      for (const { cells } of parts) cells.advance(now);
    },
    expire: (time) => parts.reduce((dropped, { cells }) => dropped + cells.expire(time), 0),
    snapshot() {
      const rows = parts.map(({ cells }) => cells.rows());
      const header: Header = {
        time: Number.isFinite(now) ? now : null,
        features: parts.map(describeShape),
        upcoming: rows.map(({ upcoming }) => upcoming.map(({ from }) => from)),
      };
      return encodeFrame(format, header, rows.flatMap(arraysOf));
    },
    sizes: () => new Map(parts.map(({ name, cells: { size, waiting } }) => [name, { cells: size, waiting }])),
    cells: (feature) => byName.get(feature)?.cells,
  };
}

const nothing = { ends: new Int32Array(0), records: new Float64Array(0) };

const arraysOf = ({ seen, upcoming }: FeatureRows): FrameArray[] =>
  [seen, ...upcoming].flatMap(({ keys, values }) => [keys, values]);

const describeShape = ({ name, shape }: { name: string; shape: StateShape }): Header['features'][number] => ({
  name,
  cellWidth: shape.cellWidth,
  updateWidth: shape.updateWidth,
});
