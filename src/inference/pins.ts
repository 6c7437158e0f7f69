import type { Logger, Metrics } from '../telemetry/index.js';
import { createLease, type Lease } from './lease.js';
import type { Refusal, ServedModel } from './models.js';
import { exportCounters, refusalOf } from './place.js';

/** A sealed version that is to serve beside the active one, as it was sealed. */
export interface PinnedVersion {
  readonly ranker: string;
  readonly version: string;
}

export interface PinsOptions {
  readonly open: (ranker: string, version: string) => Promise<ServedModel>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly now: () => number;
}

/** The versions that arms name. They follow no deltas: an arm is what it was when it began. */
export interface Pins {
  leaseOf(pin: PinnedVersion): Lease<ServedModel> | undefined;
  /** Of a ranker: what serves, and what was refused and why. */
  of(ranker: string): readonly (PinnedVersion & { readonly refused?: Refusal })[];
  /** Loads those of these that do not serve yet, and lets go of all others when their last request is done. */
  keepOnly(wanted: readonly PinnedVersion[]): Promise<void>;
  exportCounters(): void;
  close(): Promise<void>;
}

/** What could not be loaded may have been on its way to a shared folder. */
const retryMs = 60_000;

interface Pin extends PinnedVersion {
  lease?: Lease<ServedModel>;
  refused?: Refusal;
  triedAt: number;
}

const keyOf = ({ ranker, version }: PinnedVersion): string => `${ranker}@${version}`;

/** `keepOnly` one at a time. */
export const createPins = ({ open, logger, metrics, now }: PinsOptions): Pins => {
  const pins = new Map<string, Pin>();
  const retiring = new Set<Promise<void>>();

  const load = async (pin: Pin): Promise<void> => {
    const { ranker, version } = pin;
    const started = performance.now();
    pin.triedAt = now();
    try {
      pin.lease = createLease(await open(ranker, version));
      delete pin.refused;
      logger.info(
        { ranker, version, milliseconds: performance.now() - started },
        'a version serves beside the active one',
      );
    } catch (error) {
      if (pin.refused === undefined)
        logger.error({ ranker, version, err: error }, 'a version that an arm names was refused');
      pin.refused = refusalOf(version, error, now());
    }
  };

  const release = ({ ranker, version, lease }: Pin): void => {
    if (lease === undefined) return;
    exportCounters(lease.resource, metrics);
    const done = lease
      .retire()
      .then(() => logger.info({ ranker, version }, 'no arm names this version any more'))
      .catch((error: unknown) => logger.error({ err: error }, 'a version could not be closed'))
      .finally(() => retiring.delete(done));
    retiring.add(done);
  };

  const measure = (rankers: ReadonlySet<string>): void => {
    for (const ranker of rankers) {
      const of = [...pins.values()].filter((pin) => pin.ranker === ranker);
      const serving = of.filter(({ lease }) => lease !== undefined).length;
      metrics.set('watchnext_pinned_versions', { ranker, state: 'serves' }, serving);
      metrics.set('watchnext_pinned_versions', { ranker, state: 'refused' }, of.length - serving);
    }
  };

  return {
    leaseOf: (pin) => pins.get(keyOf(pin))?.lease,
    of: (ranker) =>
      [...pins.values()]
        .filter((pin) => pin.ranker === ranker)
        .map(({ version, refused }) => ({ ranker, version, ...(refused !== undefined && { refused }) })),
    keepOnly: async (wanted) => {
      const rankers = new Set([...pins.values(), ...wanted].map(({ ranker }) => ranker));
      const keys = new Set(wanted.map(keyOf));
      for (const [key, pin] of [...pins])
        if (!keys.has(key)) {
          pins.delete(key);
          release(pin);
        }
      for (const { ranker, version } of wanted) {
        const key = keyOf({ ranker, version });
        const pin = pins.get(key) ?? { ranker, version, triedAt: -Infinity };
        pins.set(key, pin);
        if (pin.lease === undefined && now() - pin.triedAt >= retryMs) await load(pin);
      }
      measure(rankers);
    },
    exportCounters: () => {
      for (const { lease } of pins.values()) if (lease !== undefined) exportCounters(lease.resource, metrics);
    },
    close: async () => {
      for (const pin of pins.values()) release(pin);
      pins.clear();
      await Promise.all(retiring);
    },
  };
};
