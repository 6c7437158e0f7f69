import { WatchnextError } from '../errors.js';
import type { Outcome } from '../features/index.js';
import { Queue } from './queue.js';
import type { JoinedEntry, JoinedExample } from './types.js';

/** What a partition of `examples` has come to, as far as it was handed out. */
export interface LaneMemory {
  readonly partition: number;
  /** The record to read next. */
  readonly offset: number;
  /** The numbers to hand out next; -1 before the first. */
  readonly outcome: number;
  readonly example: number;
  readonly watermark: number;
  /** The oldest record of `events` that feedback after what was handed out may still refer to. */
  readonly from: number;
  /** 1 where outcomes, 2 where examples, 3 where both may be missing because a record could not be read. */
  readonly torn: number;
}

interface Numbers {
  outcome: number;
  example: number;
}

interface Waiting<T> {
  readonly offset: number;
  readonly bytes: number;
  readonly number: number;
  readonly entry: T;
}

/**
 * One partition of `examples`: what its joiner wrote, each thing once. A joiner that was killed writes again what it had not
 * yet noted down, so numbers may start over, but only where everything was there before.
 */
export class ExamplesLane {
  readonly partition: number;
  next: number;
  watermark: number;
  from: number;
  bytes = 0;
  readonly #handedOut: Numbers;
  /** The numbers to read next, and how far what was read reaches. */
  readonly #read: Numbers;
  readonly #reach: Numbers;
  #torn: Numbers;
  readonly #outcomes = new Queue<Waiting<Outcome>>();
  readonly #examples = new Queue<Waiting<JoinedExample>>();
  readonly #marks = new Queue<{ readonly watermark: number; readonly from: number }>();

  constructor({ partition, offset, outcome, example, watermark, from, torn }: LaneMemory) {
    this.partition = partition;
    this.next = offset;
    this.watermark = watermark;
    this.from = from;
    this.#handedOut = { outcome, example };
    this.#read = { outcome, example };
    this.#reach = { outcome: watermark, example: watermark };
    this.#torn = { outcome: torn & 1, example: torn & 2 };
  }

  /** Throws log_damaged where entries do not follow those before. */
  add(entry: JoinedEntry, { offset, bytes }: { offset: number; bytes: number }): void {
    const { outcomes, examples, firstOutcome, watermark, from } = entry;
    const each = Math.ceil(bytes / Math.max(1, outcomes.length + examples.length));
    outcomes.forEach((outcome, i) => {
      if (!this.#isNew('outcome', firstOutcome + i, outcome.time)) return;
      this.#outcomes.add({ offset, bytes: each, number: firstOutcome + i, entry: outcome });
      this.bytes += each;
    });
    for (const example of examples) {
      if (!this.#isNew('example', example.sequence, example.matured)) continue;
      this.#examples.add({ offset, bytes: each, number: example.sequence, entry: example });
      this.bytes += each;
    }
    if (watermark <= this.watermark) return;
    this.watermark = watermark;
    this.#marks.add({ watermark, from });
  }

  /** Of a record that cannot be read: what it held is missing. */
  skip(): void {
    this.#torn = { outcome: 1, example: 2 };
  }

  /** Takes out what is before the watermark of all partitions, in order. */
  release(watermark: number, each: { outcome(outcome: Outcome): void; example(example: JoinedExample): void }): void {
    for (let first = this.#outcomes.first(); first !== undefined; first = this.#outcomes.first()) {
      if (first.entry.time >= watermark) break;
      this.#outcomes.take();
      this.bytes -= first.bytes;
      this.#handedOut.outcome = first.number + 1;
      each.outcome(first.entry);
    }
    for (let first = this.#examples.first(); first !== undefined; first = this.#examples.first()) {
      if (first.entry.matured >= watermark) break;
      this.#examples.take();
      this.bytes -= first.bytes;
      this.#handedOut.example = first.number + 1;
      each.example(first.entry);
    }
    for (let mark = this.#marks.first(); mark !== undefined; mark = this.#marks.first()) {
      if (mark.watermark > watermark) break;
      this.#marks.take();
      this.from = mark.from;
    }
  }

  /** Reading on from here, nothing is handed out twice or left out; `watermark` is that of what was handed out. */
  memory(watermark: number): LaneMemory {
    const offset = Math.min(this.#outcomes.first()?.offset ?? this.next, this.#examples.first()?.offset ?? this.next);
    const { partition, from } = this;
    const isComplete = offset === this.next;
    return {
      partition,
      offset,
      ...this.#handedOut,
      watermark: isComplete ? this.watermark : watermark,
      from,
      torn: isComplete ? this.#torn.outcome + this.#torn.example : 0,
    };
  }

  #isNew(what: 'outcome' | 'example', number: number, time: number): boolean {
    const expected = this.#read[what];
    if (number < expected && time <= this.#reach[what]) return false;
    if (expected >= 0 && number !== expected && !(this.#torn[what] > 0 && number > expected)) {
      const problem =
        number < expected
          ? {
              message: `${what} ${number} comes again with other contents`,
              hint: 'a joiner was started anew: start the learner anew, too',
            }
          : { message: `${what} ${expected} is missing`, hint: 'two joiners write this partition: stop one of them' };
      throw new WatchnextError('log_damaged', `Partition ${this.partition} of examples cannot be followed.`, {
        problems: [{ path: `examples/${this.partition}`, ...problem }],
      });
    }
    this.#read[what] = number + 1;
    this.#reach[what] = time;
    this.#torn[what] = 0;
    return true;
  }
}
