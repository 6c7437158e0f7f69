import { readBatches, type BatchOptions } from './batches.js';
import type { Examples } from './examples.js';
import type { RankerModel, StepOptions } from './model.js';
import type { ExampleSpool } from './spool.js';

export interface PassOptions {
  readonly model: Pick<RankerModel, 'learn'>;
  readonly spool: ExampleSpool;
  readonly batches: BatchOptions;
  /** Batches already learned in this pass, before it was interrupted. */
  readonly skip?: number;
  /** Asked before every step. */
  readonly step: () => StepOptions;
  /** Told after every step; the pass ends with what it throws. */
  readonly learned: (examples: Examples, losses: Float32Array) => Promise<void> | void;
}

/**
 * Learns every request of the range once. While the engine computes a step in its own thread, this one puts the next
 * batch together; embedding rows are gathered only after the update before, so the order of work is always the same.
 */
export async function learnPass({ model, spool, batches, skip = 0, step, learned }: PassOptions): Promise<void> {
  const reading = readBatches(spool, batches);
  try {
    for (let skipped = 0; skipped < skip; skipped++) await reading.next();
    let next = await reading.next();
    while (next.done !== true) {
      const examples = next.value;
      const learning = model.learn(examples, step());
      const following = reading.next();
      const [losses, read] = await Promise.all([learning, following]);
      await learned(examples, losses);
      next = read;
    }
  } finally {
    await reading.return(undefined);
  }
}
