import type { RankerDefinition } from '../definition/index.js';
import type { EntityUpdate, EventLog, Offsets } from '../events/index.js';
import { restoreFeatureState, type FeatureState } from '../features/index.js';
import type { StreamPosition } from '../join/index.js';
import type { Logger, Metrics } from '../telemetry/index.js';
import { follow, type Follower, type Start } from './follower.js';
import { shapeOf } from './shape.js';
import { followUpdates } from './updates.js';

export interface LiveOptions {
  readonly log: EventLog;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly now: () => number;
  /** States stand still but while `caughtUp` is waited for: what is ranked in between is ranked by the same. */
  readonly onDemand?: boolean;
  /** Told of item and user updates in the log, each partition in its order; the next waits until it is done. */
  readonly onEntity?: (update: EntityUpdate) => void | Promise<void>;
  /** Where `onEntity` begins: the end of the log if left out. */
  readonly entitiesFrom?: Offsets | 'start' | 'end';
}

/** Feature state as a version was sealed with it. */
export interface SealedState {
  readonly ranker: string;
  readonly definition: RankerDefinition;
  readonly snapshot: Uint8Array;
  /** Where in the log the snapshot stands; absent for a version that was not made from it. */
  readonly position?: StreamPosition;
  /** Then what happened after this is new to it: time of the last request in it. */
  readonly until: number;
}

/** Feature state that follows the event log while it serves. */
export interface Live {
  /**
   * The state to read from, at once; what the log has beyond the snapshot is taken in meanwhile, in short slices. Versions
   * whose stateful features, tasks and labels are the same share one state: the next one costs nothing, its snapshot is not looked
   * at. Throws artifact_damaged for a snapshot that is none. Whoever asked holds it until `release`.
   */
  stateOf(sealed: SealedState): FeatureState;
  /** Holds a state once more. */
  hold(state: FeatureState): void;
  /**
   * A state follows the log for as long as anybody holds it, and of each ranker the one let go of last does, since a rollback
   * may want it back; the others end.
   */
  release(state: FeatureState): void;
  /** How long ago the state that is furthest behind last knew everything in the log; 0 if there is none. */
  readonly lagMs: number;
  /** Resolves when all states know everything that was in the log at the call, or after `patienceMs`. */
  caughtUp(patienceMs: number): Promise<void>;
  close(): Promise<void>;
}

/** A state that is followed. */
interface Followed {
  readonly ranker: string;
  readonly state: FeatureState;
  readonly follower: Follower;
  holders: number;
}

export function createLive(options: LiveOptions): Live {
  const { log, logger, metrics, now, onDemand = false, onEntity, entitiesFrom = 'end' } = options;
  /** By shape; of those that nobody holds, the one let go of last at the end. */
  const followed = new Map<string, Followed>();
  const stopping = new Set<Promise<void>>();
  const stopUpdates = onEntity && followUpdates({ log, from: entitiesFrom, onEntity, logger });
  let closed = false;

  const lagOf = ({ follower }: Followed): number => Math.max(0, now() - follower.knewAllAt);
  metrics.beforeScrape(() => {
    for (const each of followed.values())
      metrics.set('watchnext_state_lag_seconds', { ranker: each.ranker }, lagOf(each) / 1000);
  });

  const drop = (shape: string, { follower }: Followed): void => {
    followed.delete(shape);
    const stopped = follower.close().finally(() => stopping.delete(stopped));
    stopping.add(stopped);
  };

  const heldAs = (state: FeatureState) => [...followed].find(([, each]) => each.state === state);

  return {
    stateOf({ ranker, definition, snapshot, position, until }) {
      const shape = shapeOf(definition);
      const known = shape === undefined ? undefined : followed.get(shape);
      if (known !== undefined) {
        known.holders++;
        return known.state;
      }
      const state = restoreFeatureState(definition, snapshot);
      if (closed || shape === undefined) return state;
      // Offline data ends with the request at `until`; a position's watermark is the first time that is not covered.
      const start: Start =
        position === undefined
          ? { from: until + 1, offsets: 'start' }
          : { from: position.watermark, offsets: position.offsets };
      const follower = follow({ log, definition, state, start, logger, metrics, now, onDemand });
      followed.set(shape, { ranker, state, follower, holders: 1 });
      return state;
    },
    hold(state) {
      const [, known] = heldAs(state) ?? [];
      if (known !== undefined) known.holders++;
    },
    release(state) {
      const [shape, known] = heldAs(state) ?? [];
      if (shape === undefined || known === undefined || --known.holders > 0) return;
      followed.delete(shape);
      followed.set(shape, known);
      const unheld = [...followed].filter(([, each]) => each.ranker === known.ranker && each.holders === 0);
      for (const [old, each] of unheld.slice(0, -1)) drop(old, each);
    },
    get lagMs() {
      return Math.max(0, ...[...followed.values()].map(lagOf));
    },
    caughtUp: async (patienceMs) => {
      await Promise.all([...followed.values()].map(({ follower }) => follower.caughtUp(patienceMs)));
    },
    close: async () => {
      closed = true;
      for (const [shape, each] of [...followed]) drop(shape, each);
      await Promise.all([...stopping, stopUpdates?.()]);
    },
  };
}
