import { fingerprint, streamSettings, type RankerDefinition } from '../definition/index.js';
import type { Feedback, FieldNames, Impression } from '../events/index.js';
import { Answers } from './answers.js';
import { HeldFeedback } from './held.js';
import { encodeJoiner, type JoinerMemory } from './joiner-codec.js';
import type { Joiner } from './joiner.js';
import type { ListShelf } from './kept-list.js';
import { KnownLists } from './known.js';
import type { LabelBook } from './labels.js';
import type { LessonShelf } from './lesson.js';
import { isTaught, Lessons } from './lessons.js';
import { farAheadMs } from './merge.js';
import { Report } from './report.js';
import { fieldsOf, listOf, stateNames, type Shown } from './shown.js';
import type { FreshlyJoined, JoinCounters, MergedEvent, Refused, Snapshot } from './types.js';

export interface EventJoinerOptions {
  readonly definition: RankerDefinition;
  readonly book: LabelBook;
  readonly shelf: LessonShelf;
  readonly lists: ListShelf;
  readonly examples: boolean;
  /** What a snapshot must agree with. */
  readonly subject: string;
  /** What it begins with. */
  readonly memory: JoinerMemory;
}

export class EventJoiner implements Joiner {
  readonly #options: EventJoinerOptions;
  readonly #fingerprint: string;
  /** Others whose lists are learned from. */
  readonly #rankers: ReadonlySet<string>;
  readonly #stateNames: FieldNames | undefined;
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
  /** Whether a label of a row that nothing has happened to is learned at once. */
  readonly #countsAtOnce: boolean;

  readonly #known: KnownLists;
  readonly #held = new HeldFeedback();
  readonly #lessons: Lessons;
  readonly #report: Report;
  readonly #answers: Answers;
  #watermark: number;

  constructor(options: EventJoinerOptions) {
    const { definition, book, memory } = options;
    this.#options = options;
    const { rankers, lateForMs } = streamSettings(definition);
    this.#fingerprint = fingerprint(definition);
    this.#rankers = new Set(rankers);
    this.#stateNames = stateNames(definition);
    const { tasks } = book;
    const indices = tasks.map((_, task) => task);
    this.#waiting = indices.filter((task) => tasks[task]?.atOnce === false);
    this.#atOnce = indices.filter((task) => tasks[task]?.atOnce === true);
    const longest = (some: readonly number[]): number => Math.max(...some.map((task) => tasks[task]?.waitMs ?? 0));
    this.#waitMs = longest(this.#waiting);
    this.#lateForMs = lateForMs;
    this.#knownMs = longest(indices) + this.#lateForMs;
    this.#teachesLate = tasks.some(({ late }) => late !== 'ignore');
    this.#countsAtOnce = this.#atOnce.some((task) => !Number.isNaN(book.counted(book.nothing, 0, task)));

    this.#watermark = memory.watermark;
    this.#known = new KnownLists(memory.shown);
    for (const merged of memory.held) {
      if (merged.event.kind === 'feedback') this.#held.add(merged.event.requestId, merged);
    }
    this.#lessons = new Lessons(book, memory.sequences);
    this.#report = new Report(book, memory.counters);
    this.#answers = new Answers(book, this.#lessons, this.#report);
  }

  get counters(): JoinCounters {
    return this.#report.counters;
  }

  take(merged: MergedEvent): void {
    this.#pass(merged.time);
    const { event } = merged;
    if (event.kind === 'impression') this.#show(merged, event);
    else if (event.kind === 'feedback') this.#hear(merged, event);
  }

  advance(watermark: number): FreshlyJoined & { readonly refused: readonly Refused[] } {
    if (watermark > this.#watermark) {
      this.#watermark = watermark;
      this.#pass(watermark);
    }
    return { watermark: this.#watermark, examples: this.#lessons.drain(), ...this.#report.drain() };
  }

  oldest(partition: number): number | undefined {
    const [known, held] = [this.#known.oldest(partition), this.#held.oldest(partition)];
    return known === undefined ? held : Math.min(known, held ?? known);
  }

  get sizes(): { readonly impressions: number; readonly held: number } {
    return { impressions: this.#known.size, held: this.#held.size };
  }

  snapshot(): Snapshot {
    const { subject, book } = this.#options;
    const memory = {
      watermark: this.#watermark,
      sequences: this.#lessons.sequences,
      counters: this.counters,
      shown: this.#known.list(),
      held: this.#held.list(),
    };
    return encodeJoiner(memory, { subject, tasks: book.tasks.length });
  }

  /** Lets time pass: whatever was due before this time happens now. */
  #pass(time: number): void {
    this.#known.mature(time, this.#waitMs, this.#mature);
    this.#known.forget(time, this.#knownMs);
    this.#held.expire(time - this.#lateForMs, this.#orphan);
  }

  readonly #mature = (shown: Shown): void => {
    if (isTaught(shown)) {
      const { feedbackTimes } = shown.lesson;
      this.#addWhole(shown, this.#waiting, { matured: shown.at + this.#waitMs, feedbackTimes });
    }
    if (!this.#teachesLate) shown.lesson = undefined;
  };

  readonly #orphan = (event: MergedEvent, requestId: string): void => {
    this.counters.orphanedFeedback++;
    this.#report.refuse(event, `no impression of request ${requestId} came, or it is too long ago`);
  };

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
    this.#known.add(shown);
    this.#report.begin(shown);
    if (this.#countsAtOnce && isTaught(shown)) {
      this.#addWhole(shown, this.#atOnce, { matured: shown.at, feedbackTimes: [] });
    }
    for (const waited of early) {
      this.counters.earlyFeedback++;
      this.#answers.join(shown, waited, shown.at);
    }
  }

  /** Undefined, and refused, if a part of the impression cannot be read. */
  #read(merged: MergedEvent, event: Impression): Shown | undefined {
    const { shelf, lists, examples } = this.#options;
    const taught = this.#teaches(event);
    try {
      const list = listOf(event);
      const lesson = taught && examples && list.ids.length > 0 ? shelf.keep(event, list) : undefined;
      const names = this.#stateNames;
      const fields = names && fieldsOf(event, names);
      const shown: Shown = {
        partition: merged.partition,
        from: merged.from,
        time: event.time,
        at: merged.time,
        requestId: event.requestId,
        list: lists.keep(list.ids, fields),
        labels: undefined,
        labelsAt: 0,
        seen: undefined,
        matured: this.#waiting.length === 0,
        lesson,
      };
      if (!taught) this.counters.foreignImpressions++;
      return shown;
    } catch (error) {
      this.#report.refuseUnreadable(merged, error);
      return undefined;
    }
  }

  /** Of other rankers whatever they were: whether their features are the same is for who learns. */
  #teaches({ ranker, fingerprint: of }: Impression): boolean {
    return ranker === this.#options.definition.name ? of === this.#fingerprint : this.#rankers.has(ranker);
  }

  #hear(merged: MergedEvent, event: Feedback): void {
    this.counters.feedback++;
    if (event.time > merged.time + farAheadMs) {
      this.counters.farAheadFeedback++;
      this.#report.refuse(merged, `it is dated ${event.time - merged.time} ms ahead of the others, more than a day`);
      return;
    }
    const shown = this.#known.get(event.requestId);
    if (shown === undefined) this.#held.add(event.requestId, merged);
    else this.#answers.join(shown, merged, merged.time);
  }

  #addWhole(...lesson: Parameters<Lessons['addWhole']>): void {
    this.#lessons.addWhole(...lesson);
    this.counters.examples++;
  }
}
