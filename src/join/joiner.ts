import { fingerprint, streamSettings, type RankerDefinition } from '../definition/index.js';
import { WatchnextError } from '../errors.js';
import type { Feedback, Impression } from '../events/index.js';
import { fieldsOfState, type Labels, type Outcome } from '../features/index.js';
import { noCounts } from './counters.js';
import { EventIds } from './event-ids.js';
import { HeldFeedback } from './held.js';
import { decodeJoiner, encodeJoiner, type JoinerMemory } from './joiner-codec.js';
import { createLabelBook, type LabelBook } from './labels.js';
import { isTaught, Lessons, type TaughtList } from './lessons.js';
import { farAheadMs } from './merge.js';
import { OldestOffsets } from './oldest.js';
import { Queue } from './queue.js';
import { fieldsOf, lessonOf, rowOf, type Lesson, type Shown } from './shown.js';
import { Slab } from './slab.js';
import type { JoinCounters, Joined, MergedEvent, Refused } from './types.js';

export interface JoinerOptions {
  /** False where only feature state is followed: then nothing is kept to learn from. */
  readonly examples: boolean;
}

/**
 * Joins feedback to what was shown, in event time, synchronously; what it answers is a function of the merged events alone.
 *
 * Labels (`labels` of the definition): feedback counts for a task if it happened within the task's wait, dated no earlier
 * than its impression, and came before the impression's rows were learned. An impression matures when its longest wait is
 * over, and is one example then. Later feedback does what the task's `late` says; where rows are not learned yet because
 * another task waits longer, a task that supplements simply takes it. A task that is fake-negative-weighted waits for
 * nothing: its rows are an example as soon as they count, as negatives, and each positive is one more.
 *
 * Outcomes: every row at once as if nothing happened, then a correction for each feedback that changes its labels. There are
 * none where the definition has no stateful features.
 *
 * What is odd is counted and never stops it: see JoinCounters. Feedback before its impression waits for it for `late_for`;
 * an impression is known for its longest wait and `late_for`. What can never be used is handed out with the reason.
 */
export interface Joiner {
  /** The next event, in the order of the merge. */
  take(event: MergedEvent): void;
  /** "Nothing before this comes any more": what has become of all events since the last call, in order. */
  advance(watermark: number): Joined & { readonly refused: readonly Refused[] };
  /** The smallest offset of a partition that feedback may still need; undefined if nothing of it is known. */
  oldest(partition: number): number | undefined;
  readonly counters: Readonly<JoinCounters>;
  /** How many impressions may still get feedback, and how much feedback waits for its impression. */
  readonly sizes: { readonly impressions: number; readonly held: number };
  /** Everything, as bytes: the same for the same past. To be taken right after `advance`. */
  snapshot(): Uint8Array;
}

export const createJoiner = (definition: RankerDefinition, options: JoinerOptions): Joiner =>
  new EventJoiner(definition, options, {
    watermark: Number.NEGATIVE_INFINITY,
    sequences: [],
    counters: noCounts(),
    shown: [],
    held: [],
  });

/** The joiner whose snapshot this is. Throws artifact_damaged for other bytes, checkpoint_damaged for other labels. */
export const restoreJoiner = (definition: RankerDefinition, options: JoinerOptions, bytes: Uint8Array): Joiner =>
  new EventJoiner(definition, options, decodeJoiner(bytes, subjectOf(definition, options)));

/** What a snapshot must agree with. */
const subjectOf = (definition: RankerDefinition, { examples }: JoinerOptions): string =>
  JSON.stringify({
    ranker: definition.name,
    fingerprint: fingerprint(definition),
    labels: createLabelBook(definition).tasks,
    lateForMs: streamSettings(definition).lateForMs,
    examples,
  });

/** Feedback in its place: its own time, not before its impression's, and when both were there. */
interface Heard {
  readonly merged: MergedEvent;
  readonly event: Feedback;
  readonly row: number;
  readonly time: number;
  readonly at: number;
}

class EventJoiner implements Joiner {
  readonly counters: JoinCounters;
  readonly #definition: RankerDefinition;
  readonly #options: JoinerOptions;
  readonly #book: LabelBook;
  readonly #lessons: Lessons;
  readonly #stateFields: readonly string[];
  /** The tasks that wait, and those that do not. */
  readonly #waiting: readonly number[];
  readonly #atOnce: readonly number[];
  /** From an impression to its maturity; -Infinity where no task waits. */
  readonly #waitMs: number;
  readonly #lateForMs: number;
  /** How long an impression is known. */
  readonly #knownMs: number;
  /** Whether rows may be learned after their impression matured. */
  readonly #teachesLate: boolean;
  readonly #nothing: Labels;

  readonly #slab = new Slab();
  #lastLesson: Lesson | undefined;
  readonly #known = new Map<string, Shown>();
  readonly #inOrder: Queue<Shown>;
  readonly #ripening: Queue<Shown>;
  readonly #oldest = new OldestOffsets();
  readonly #held = new HeldFeedback();
  #watermark: number;
  #outcomes: Outcome[] = [];
  #refused: Refused[] = [];

  constructor(definition: RankerDefinition, options: JoinerOptions, memory: JoinerMemory) {
    this.#definition = definition;
    this.#options = options;
    this.#book = createLabelBook(definition);
    this.#lessons = new Lessons(definition, this.#book, memory.sequences);
    this.#stateFields = [...fieldsOfState(definition)];
    const { tasks } = this.#book;
    const indices = tasks.map((_, task) => task);
    this.#waiting = indices.filter((task) => tasks[task]?.atOnce === false);
    this.#atOnce = indices.filter((task) => tasks[task]?.atOnce === true);
    const longest = (some: readonly number[]): number => Math.max(...some.map((task) => tasks[task]?.waitMs ?? 0));
    this.#waitMs = longest(this.#waiting);
    this.#lateForMs = streamSettings(definition).lateForMs;
    this.#knownMs = longest(indices) + this.#lateForMs;
    this.#teachesLate = tasks.some(({ late }) => late !== 'ignore');
    this.#nothing = this.#book.named(this.#book.fresh(1, this.#slab), 0);

    this.counters = memory.counters;
    this.#watermark = memory.watermark;
    this.#inOrder = new Queue(memory.shown);
    this.#ripening = new Queue(memory.shown.filter(({ matured }) => !matured));
    for (const shown of memory.shown) {
      this.#known.set(shown.requestId, shown);
      this.#oldest.add(shown.partition, shown.from);
    }
    for (const merged of memory.held) {
      if (merged.event.kind === 'feedback') this.#held.add(merged.event.requestId, merged);
    }
  }

  take(merged: MergedEvent): void {
    this.#pass(merged.time);
    const { event } = merged;
    if (event.kind === 'impression') this.#show(merged, event);
    else if (event.kind === 'feedback') this.#hear(merged, event);
  }

  advance(watermark: number): Joined & { readonly refused: readonly Refused[] } {
    if (watermark > this.#watermark) {
      this.#watermark = watermark;
      this.#pass(watermark);
    }
    const [outcomes, refused] = [this.#outcomes, this.#refused];
    this.#outcomes = [];
    this.#refused = [];
    return { watermark: this.#watermark, outcomes, examples: this.#lessons.drain(), refused };
  }

  oldest(partition: number): number | undefined {
    const [known, held] = [this.#oldest.of(partition), this.#held.oldest(partition)];
    return known === undefined ? held : Math.min(known, held ?? known);
  }

  get sizes(): { readonly impressions: number; readonly held: number } {
    return { impressions: this.#known.size, held: this.#held.size };
  }

  snapshot(): Uint8Array {
    const memory = {
      watermark: this.#watermark,
      sequences: this.#lessons.sequences,
      counters: this.counters,
      shown: this.#inOrder.list(),
      held: this.#held.list(),
    };
    return encodeJoiner(memory, subjectOf(this.#definition, this.#options));
  }

  /** Lets time pass: whatever was due before this time happens now. */
  #pass(time: number): void {
    for (let shown = this.#ripening.first(); shown !== undefined; shown = this.#ripening.first()) {
      const matured = shown.at + this.#waitMs;
      if (matured >= time) break;
      this.#ripening.take();
      shown.matured = true;
      if (isTaught(shown)) {
        this.#addWhole(shown, this.#waiting, { matured, feedbackTimes: shown.lesson.feedbackTimes });
      }
      if (!this.#teachesLate) shown.lesson = undefined;
    }
    for (let shown = this.#inOrder.first(); shown !== undefined; shown = this.#inOrder.first()) {
      if (shown.at + this.#knownMs >= time) break;
      this.#inOrder.take();
      this.#oldest.remove(shown.partition, shown.from);
      this.#known.delete(shown.requestId);
    }
    this.#held.expire(time - this.#lateForMs, (event, requestId) => {
      this.counters.orphanedFeedback++;
      this.#refuse(event, `no impression of request ${requestId} came, or it is too long ago`);
    });
  }

  #show(merged: MergedEvent, event: Impression): void {
    this.counters.impressions++;
    if (this.#known.has(event.requestId)) {
      this.counters.duplicateImpressions++;
      return;
    }
    const shown = this.#read(merged, event);
    if (shown === undefined) return;
    const early = this.#held.take(shown.requestId);
    for (const { partition, from } of early) {
      if (partition === shown.partition) shown.from = Math.min(shown.from, from);
    }
    this.#known.set(shown.requestId, shown);
    this.#inOrder.add(shown);
    this.#oldest.add(shown.partition, shown.from);
    if (!shown.matured) this.#ripening.add(shown);
    for (let row = 0; row < shown.items.length; row++) this.#say(shown, row, { time: shown.at, labels: this.#nothing });
    const counts = this.#atOnce.some((task) => !Number.isNaN(this.#book.counted(shown.labels, 0, task)));
    if (isTaught(shown) && counts) this.#addWhole(shown, this.#atOnce, { matured: shown.at, feedbackTimes: [] });
    for (const waited of early) {
      this.counters.earlyFeedback++;
      this.#join(shown, waited, shown.at);
    }
  }

  /** Undefined, and refused, if a part of the impression cannot be read. */
  #read(merged: MergedEvent, event: Impression): Shown | undefined {
    const taught = event.ranker === this.#definition.name && event.fingerprint === this.#lessons.fingerprint;
    try {
      const shown: Shown = {
        partition: merged.partition,
        from: merged.from,
        time: event.time,
        at: merged.time,
        requestId: event.requestId,
        items: event.items.map(({ id }) => id),
        labels: this.#book.fresh(event.items.length, this.#slab),
        seen: undefined,
        fields: this.#stateFields.length === 0 ? undefined : fieldsOf(event, this.#stateFields),
        matured: this.#waiting.length === 0,
        lesson: taught && this.#options.examples && event.items.length > 0 ? this.#lessonOf(event) : undefined,
      };
      if (!taught) this.counters.foreignImpressions++;
      return shown;
    } catch (error) {
      this.#refuseUnreadable(merged, error);
      return undefined;
    }
  }

  #lessonOf(event: Impression): Lesson {
    this.#lastLesson = lessonOf(event, this.#book, { slab: this.#slab, last: this.#lastLesson });
    return this.#lastLesson;
  }

  #hear(merged: MergedEvent, event: Feedback): void {
    this.counters.feedback++;
    if (event.time > merged.time + farAheadMs) {
      this.counters.farAheadFeedback++;
      this.#refuse(merged, `it is dated ${event.time - merged.time} ms ahead of the others, more than a day`);
      return;
    }
    const shown = this.#known.get(event.requestId);
    if (shown === undefined) this.#held.add(event.requestId, merged);
    else this.#join(shown, merged, merged.time);
  }

  /** Feedback of a list that is known; `at` is when both are there. */
  #join(shown: Shown, merged: MergedEvent, at: number): void {
    const { event } = merged;
    if (event.kind !== 'feedback') return;
    shown.seen ??= new EventIds();
    if (!shown.seen.add(event.eventId)) {
      this.counters.duplicateFeedback++;
      return;
    }
    const row = rowOf(shown, event.itemId);
    if (row < 0) {
      this.counters.strangeFeedback++;
      this.#refuse(merged, `item ${event.itemId} was not in the list of request ${shown.requestId}`);
      return;
    }
    if (event.time < shown.time) this.counters.skewedFeedback++;
    const heard = { merged, event, row, time: Math.max(event.time, shown.time), at };
    const before = shown.labels.slice(row * this.#book.tasks.length, (row + 1) * this.#book.tasks.length);
    if (this.#label(shown, heard)) this.#tell(shown, heard, before);
  }

  /** Puts feedback into the labels of its row; false where no task takes it. */
  #label(shown: Shown, { event, row, time }: Heard): boolean {
    const { tasks, readers } = this.#book;
    const reading = readers.get(event.what);
    let taken = false;
    let late = false;
    for (const task of reading ?? []) {
      const rule = tasks[task];
      if (rule === undefined) continue;
      const isLate = !rule.atOnce && (shown.matured || time > shown.time + rule.waitMs);
      if (isLate && rule.late === 'ignore') late = true;
      else if (rule.accepts(event.value)) {
        this.#book.take(shown.labels, row * tasks.length, { task, value: event.value });
        taken = true;
      }
    }
    if (reading === undefined) this.counters.unreadFeedback++;
    else if (late) this.counters.lateFeedback++;
    else if (!taken) this.counters.valuelessFeedback++;
    return taken;
  }

  /** What changed labels mean for state, and for rows that were learned already or that wait for nothing. */
  #tell(shown: Shown, heard: Heard, before: Float32Array): void {
    const { row, at } = heard;
    const from = row * before.length;
    const changed = this.#book.tasks.flatMap((_, task) =>
      Object.is(this.#book.counted(shown.labels, from, task), this.#book.counted(before, 0, task)) ? [] : [task],
    );
    if (changed.length === 0) return;
    if (shown.fields !== undefined) {
      const [labels, earlier] = [this.#book.named(shown.labels, from), this.#book.named(before, 0)];
      this.#say(shown, row, { time: at, labels, before: earlier, since: shown.at });
    }
    if (isTaught(shown)) this.#teach(shown, heard, { changed, before });
  }

  #teach(
    shown: TaughtList,
    { merged, row, time, at }: Heard,
    { changed, before }: { changed: readonly number[]; before: Float32Array },
  ): void {
    const negatives = new Float32Array(before.length).fill(Number.NaN);
    const labels = new Float32Array(before.length).fill(Number.NaN);
    let waits = false;
    for (const task of changed) {
      const rule = this.#book.tasks[task];
      const label = this.#book.counted(shown.labels, row * before.length, task);
      if (rule === undefined || Number.isNaN(label)) continue;
      if (rule.atOnce) {
        // What begins to count as a positive was never learned as a negative, on which the weights rely.
        if (label > 0 && Number.isNaN(this.#book.counted(before, 0, task))) negatives[task] = 0;
        labels[task] = label;
      } else if (!shown.matured) waits = true;
      else if (rule.late === 'supplement') labels[task] = label;
    }
    if (waits) shown.lesson.feedbackTimes = [...shown.lesson.feedbackTimes, time];
    try {
      for (const values of [negatives, labels]) {
        if (values.every((label) => Number.isNaN(label))) continue;
        this.#lessons.addRow(shown, { row, labels: values }, { matured: at, feedbackTimes: [time] });
        this.counters.examples++;
      }
    } catch (error) {
      this.#refuseUnreadable(merged, error);
    }
  }

  #addWhole(...lesson: Parameters<Lessons['addWhole']>): void {
    this.#lessons.addWhole(...lesson);
    this.counters.examples++;
  }

  #say({ fields }: Shown, row: number, said: Pick<Outcome, 'time' | 'labels' | 'before' | 'since'>): void {
    if (fields === undefined) return;
    const { user, context, candidates } = fields;
    this.counters.outcomes++;
    this.#outcomes.push({ user, context, candidate: candidates[row] ?? {}, ...said });
  }

  #refuse(event: MergedEvent, reason: string): void {
    this.#refused.push({ event, reason });
  }

  #refuseUnreadable(event: MergedEvent, error: unknown): void {
    if (!(error instanceof WatchnextError)) throw error;
    this.counters.unreadableEvents++;
    this.#refuse(event, error.message);
  }
}
