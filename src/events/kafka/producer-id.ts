import type { Cluster } from './internals.js';
import type { Place } from './queue.js';
import { failureType } from './failures.js';

/** Sequence numbers are signed 32-bit integers that go from the largest back to 0. */
const SEQUENCES = 2 ** 31;

const lostTrack = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'DUPLICATE_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
]);

/** By this the brokers know a batch that they already have, and refuse one that comes too late. */
export interface ProducerIdentity {
  readonly producerId: string;
  readonly producerEpoch: number;
}

export interface Sequencer {
  identity(cluster: Cluster): Promise<ProducerIdentity>;
  /** The sequence number of the next record to `place`. */
  next(place: Place): number;
  /** `count` records were acknowledged. */
  advance(place: Place, count: number): void;
  /**
   * A new identity from here on. Needed when the fate of a batch is given up, because a different batch of the same length
   * under the same numbers would be acknowledged as a repetition and never written.
   */
  forget(): void;
  /** Whether the brokers lost our count (or we theirs): then a new identity is the way on. */
  isLost(error: unknown): boolean;
}

export const createSequencer = (transactionTimeout: number): Sequencer => {
  let identity: Promise<ProducerIdentity> | undefined;
  let sequences = new Map<Place, number>();
  const ask = async (cluster: Cluster): Promise<ProducerIdentity> => {
    const broker = await cluster.findControllerBroker();
    const { producerId, producerEpoch } = await broker.initProducerId({ transactionTimeout });
    return { producerId, producerEpoch };
  };
  return {
    identity(cluster) {
      const asked = (identity ??= ask(cluster));
      asked.catch(() => {
        if (identity === asked) identity = undefined;
      });
      return asked;
    },
    next: (place) => sequences.get(place) ?? 0,
    advance: (place, count) => void sequences.set(place, ((sequences.get(place) ?? 0) + count) % SEQUENCES),
    forget() {
      identity = undefined;
      sequences = new Map();
    },
    isLost: (error) => lostTrack.has(failureType(error)),
  };
};
