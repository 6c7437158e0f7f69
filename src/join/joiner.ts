import { fingerprint, streamSettings, type RankerDefinition } from '../definition/index.js';
import { noCounts } from './counters.js';
import { EventJoiner } from './event-joiner.js';
import { decodeJoiner } from './joiner-codec.js';
import { ListShelf } from './kept-list.js';
import { createLabelBook } from './labels.js';
import { LessonShelf } from './lesson.js';
import { stateNames } from './shown.js';
import type { FreshlyJoined, JoinCounters, MergedEvent, Refused, Snapshot } from './types.js';

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
 * Examples are of this ranker's lists, and of those that `stream.rankers` names; what serves one of those may have other
 * features, which is for who learns to find out.
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
  advance(watermark: number): FreshlyJoined & { readonly refused: readonly Refused[] };
  /** The smallest offset of a partition that feedback may still need; undefined if nothing of it is known. */
  oldest(partition: number): number | undefined;
  readonly counters: Readonly<JoinCounters>;
  /** How many impressions may still get feedback, and how much feedback waits for its impression. */
  readonly sizes: { readonly impressions: number; readonly held: number };
  /** Everything as it is now: the same bytes for the same past. To be taken right after `advance`. */
  snapshot(): Snapshot;
}

export function createJoiner(definition: RankerDefinition, { examples }: JoinerOptions): Joiner {
  const book = createLabelBook(definition);
  const memory = { watermark: Number.NEGATIVE_INFINITY, sequences: [], counters: noCounts(), shown: [], held: [] };
  const shelf = new LessonShelf(book);
  const lists = listShelf(definition);
  return new EventJoiner({
    definition,
    book,
    shelf,
    lists,
    examples,
    subject: subjectOf(definition, examples),
    memory,
  });
}

/**
 * The joiner whose snapshot this is, of this version or one before. Throws artifact_damaged for other bytes, checkpoint_damaged
 * for other labels.
 */
export function restoreJoiner(definition: RankerDefinition, { examples }: JoinerOptions, snapshot: Snapshot): Joiner {
  const book = createLabelBook(definition);
  const shelf = new LessonShelf(book);
  const subject = subjectOf(definition, examples);
  const lists = listShelf(definition);
  const memory = decodeJoiner(snapshot, {
    subject,
    tasks: book.tasks.length,
    shelf,
    lists,
    own: { ranker: definition.name, fingerprint: fingerprint(definition) },
  });
  return new EventJoiner({ definition, book, shelf, lists, examples, subject, memory });
}

const listShelf = (definition: RankerDefinition): ListShelf => new ListShelf(stateNames(definition)?.names ?? []);

/** What a snapshot must agree with. */
const subjectOf = (definition: RankerDefinition, examples: boolean): string =>
  JSON.stringify({
    ranker: definition.name,
    fingerprint: fingerprint(definition),
    labels: createLabelBook(definition).tasks,
    lateForMs: streamSettings(definition).lateForMs,
    examples,
  });
