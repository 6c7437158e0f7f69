import { setTimeout as sleep } from 'node:timers/promises';
import { decodeEvent, type EntityUpdate, type EventLog, type LogReader, type Offsets } from '../events/index.js';
import type { Logger } from '../telemetry/index.js';

export interface UpdatesOptions {
  readonly log: EventLog;
  /** Where to begin: updates are told in the order of their partition, and one item or user stays in one. */
  readonly from: Offsets | 'start' | 'end';
  /** The next read waits for it. */
  readonly onEntity: (update: EntityUpdate) => void | Promise<void>;
  readonly logger: Logger;
}

const pollMs = 50;
const recordsPerRead = 256;
const retryMs = 1000;

/** Tells what the log says of items and users, for the entity store. Answers how to stop. */
export function followUpdates({ log, from, onEntity, logger }: UpdatesOptions): () => Promise<void> {
  const stop = new AbortController();
  const stopped = (): boolean => stop.signal.aborted;
  const next = new Map<number, number>();
  let reader: LogReader | undefined;
  let saidWhy = '';

  const open = async (): Promise<LogReader> => {
    if (next.size === 0)
      (await log.bounds('events')).forEach(({ first, next: end }, partition) =>
        next.set(
          partition,
          from === 'start' ? first : from === 'end' ? end : Math.max(first, from[partition] ?? first),
        ),
      );
    return log.reader('events', { from: [...next.values()] });
  };

  const step = async (): Promise<void> => {
    reader ??= await open();
    for (const { partition, offset, value } of await reader.next({ most: recordsPerRead, waitMs: pollMs })) {
      const update = updateOf(value);
      if (update !== undefined) await onEntity(update);
      next.set(partition, offset + 1);
    }
    saidWhy = '';
  };

  const run = async (): Promise<void> => {
    while (!stopped()) {
      try {
        await step();
      } catch (error) {
        if (stopped()) return;
        const reason = error instanceof Error ? error.message : String(error);
        if (reason !== saidWhy)
          logger.warn({ err: error }, 'updates of items and users cannot be read from the event log');
        saidWhy = reason;
        await reader?.close().catch(() => undefined);
        reader = undefined;
        await sleep(retryMs, undefined, { signal: stop.signal }).catch(() => undefined);
      }
    }
  };

  const running = run();
  return async () => {
    stop.abort();
    await reader?.close().catch(() => undefined);
    await running;
  };
}

/** Undefined for other events, and for what cannot be read: that is told of elsewhere. */
function updateOf(value: Uint8Array): EntityUpdate | undefined {
  try {
    const event = decodeEvent(value);
    return event.kind === 'item' || event.kind === 'user' ? event : undefined;
  } catch {
    return undefined;
  }
}
