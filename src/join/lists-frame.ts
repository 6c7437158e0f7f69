import { encodeFrame, type Format, type Frame } from '../features/index.js';
import { bytesOf, Column, ColumnGroup, readRuns, readTexts, TextColumn } from './columns.js';
import { EventIds } from './event-ids.js';
import type { FrozenList } from './frozen.js';
import { ItemColumns, readItems, type ItemsHeader } from './item-columns.js';
import type { ListShelf } from './kept-list.js';
import { LessonColumns, readLessons } from './lesson-columns.js';
import type { LessonShelf } from './lesson.js';
import type { Shape } from './record-columns.js';
import type { Shown } from './shown.js';
import type { Slab } from './slab.js';

interface ListsHeader extends ItemsHeader {
  /** The checksum of the frame before. */
  readonly follows: number;
  readonly arms: readonly Shape[];
}

/** Of a frame without its last list: written in some 20 ms, and large beside the items, which each frame has anew. */
const mostBytes = 4 * 2 ** 20;
/** Beyond all logs; who numbers examples keeps a number for each partition below. */
const mostPartitions = 2 ** 20;

const flags = { matured: 1, heard: 2, labelled: 4, taught: 8 } as const;

/** Columns of lists one after the other, to become a frame. */
export class ListColumns {
  readonly #tasks: number;
  readonly #from = new Column(Float64Array);
  readonly #time = new Column(Float64Array);
  readonly #at = new Column(Float64Array);
  readonly #partition = new Column(Int32Array);
  readonly #rows = new Column(Uint32Array);
  readonly #flags = new Column(Uint8Array);
  readonly #requests = new TextColumn();
  readonly #labels = new Column(Float32Array);
  readonly #heard = new Column(Uint32Array);
  readonly #eventIds = new TextColumn();
  readonly #items = new ItemColumns();
  readonly #lessons = new LessonColumns();
  readonly #columns = new ColumnGroup([
    this.#from,
    this.#time,
    this.#at,
    this.#partition,
    this.#rows,
    this.#flags,
    this.#requests,
    this.#labels,
    this.#heard,
    this.#eventIds,
    this.#items,
    this.#lessons,
  ]);

  constructor(tasks: number) {
    this.#tasks = tasks;
  }

  get length(): number {
    return this.#from.length;
  }

  hasRoomFor({ shown: { list } }: FrozenList): boolean {
    return this.length === 0 || (this.#items.hasRoomFor(list) && this.#columns.byteLength < mostBytes);
  }

  add({ shown, matured, answers, lesson, feedbackTimes }: FrozenList): void {
    const { list } = shown;
    const { labels, labelsAt = 0, seen } = answers ?? {};
    this.#from.add(shown.from);
    this.#time.add(shown.time);
    this.#at.add(shown.at);
    this.#partition.add(shown.partition);
    this.#rows.add(list.rows);
    this.#flags.add(
      (matured ? flags.matured : 0) |
        (seen === undefined ? 0 : flags.heard) |
        (labels === undefined ? 0 : flags.labelled) |
        (lesson === undefined ? 0 : flags.taught),
    );
    this.#requests.add(shown.requestId);
    if (labels !== undefined) this.#labels.addAll(labels.subarray(labelsAt, labelsAt + list.rows * this.#tasks));
    if (seen !== undefined) {
      const ids = seen.list();
      this.#heard.add(ids.length);
      for (const id of ids) this.#eventIds.add(id);
    }
    this.#items.add(list);
    if (lesson !== undefined) this.#lessons.add(lesson, feedbackTimes);
  }

  /** What was added since the last. */
  frame(format: Format, follows: number): Uint8Array {
    const header: ListsHeader = { follows, ...this.#items.header, arms: this.#lessons.arms };
    const bytes = encodeFrame(format, header, this.#columns.arrays());
    this.#columns.clear();
    return bytes;
  }
}

/** Where lists are kept. */
export interface Shelves {
  /** How many a row has labels of. */
  readonly tasks: number;
  readonly lists: ListShelf;
  readonly lessons: LessonShelf;
  readonly labels: Slab;
}

export function readLists(frame: Frame, { tasks, lists, lessons, labels: slab }: Shelves): Shown[] {
  const header = frame.header as ListsHeader;
  const from = frame.next('f64');
  const { length } = from;
  const time = frame.next('f64', length);
  const at = frame.next('f64', length);
  const partition = frame.next('i32', length);
  const rowsOf = frame.next('u32', length);
  const flagsOf = readRuns(frame, 'flags', bytesOf(frame));
  const requests = readTexts(frame, 'requests');
  const labels = readRuns(frame, 'labels', frame.next('f32'));
  const heard = readRuns(frame, 'counts of feedback', frame.next('u32'));
  const eventIds = readTexts(frame, 'ids of feedback');
  const items = readItems(frame, header, lists);
  const taught = readLessons(frame, { arms: header.arms, tasks, shelf: lessons });

  const keep = (values: Float32Array): Pick<Shown, 'labels' | 'labelsAt'> => {
    const labelsAt = slab.take(values.byteLength) / 4;
    slab.piece.floats.set(values, labelsAt);
    return { labels: slab.piece.floats, labelsAt };
  };
  const idsOf = (count: number): EventIds => {
    const ids: string[] = [];
    while (ids.length < count) ids.push(eventIds.next());
    return new EventIds(ids);
  };
  const shown = Array.from(from, (offset, i): Shown => {
    const rows = rowsOf[i] ?? 0;
    const [flag = 0] = flagsOf.next(1);
    const of = partition[i] ?? -1;
    if (of < 0 || of >= mostPartitions) throw frame.damaged(`a list is of partition ${of}`);
    return {
      partition: of,
      from: offset,
      time: time[i] ?? 0,
      at: at[i] ?? 0,
      requestId: requests.next(),
      ...((flag & flags.labelled) === 0 ? unlabelled : keep(labels.next(rows * tasks))),
      seen: (flag & flags.heard) === 0 ? undefined : idsOf(heard.next(1)[0] ?? 0),
      list: items.next(rows),
      matured: (flag & flags.matured) !== 0,
      lesson: (flag & flags.taught) === 0 ? undefined : taught.next(rows),
    };
  });
  for (const column of [flagsOf, requests, labels, heard, eventIds, items, taught]) column.end();
  return shown;
}

const unlabelled = { labels: undefined, labelsAt: 0 };
