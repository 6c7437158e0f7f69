import type { Frame, FrameArray } from '../features/index.js';
import { bytesOf, Column, ColumnGroup, readRuns, readTexts, TextColumn, type Written } from './columns.js';
import type { Lesson, LessonParts, LessonShelf } from './lesson.js';
import { readRecords, RecordColumn, type Shape } from './record-columns.js';

/** What is to be learned from some lists. What a list has in common with the one before it stands there once. */
export class LessonColumns implements Written {
  readonly #namesOf = new Column(Uint32Array);
  readonly #names = new TextColumn();
  readonly #arms = new RecordColumn();
  readonly #positions = new Column(Int32Array);
  readonly #served = new Column(Float32Array);
  readonly #featureBytes = new Column(Uint32Array);
  readonly #features = new Column(Uint8Array);
  readonly #heard = new Column(Uint32Array);
  readonly #times = new Column(Float64Array);
  readonly #columns = new ColumnGroup([
    this.#namesOf,
    this.#names,
    this.#arms,
    this.#positions,
    this.#served,
    this.#featureBytes,
    this.#features,
    this.#heard,
    this.#times,
  ]);
  #last: Lesson | undefined;

  get byteLength(): number {
    return this.#columns.byteLength;
  }

  get arms(): readonly Shape[] {
    return this.#arms.shapes;
  }

  add(lesson: Lesson, feedbackTimes: readonly number[]): void {
    if (!hasNamesOf(lesson, this.#last)) {
      this.#names.add(lesson.ranker);
      this.#names.add(lesson.fingerprint);
      this.#names.add(lesson.version);
      this.#arms.add(lesson.arms);
    }
    this.#last = lesson;
    const { features } = lesson;
    this.#namesOf.add(this.#arms.length - 1);
    this.#positions.addAll(lesson.positions);
    this.#served.addAll(lesson.served);
    this.#featureBytes.add(features.length);
    this.#features.addAll(features);
    this.#heard.add(feedbackTimes.length);
    this.#times.addAll(feedbackTimes);
  }

  arrays(): FrameArray[] {
    return this.#columns.arrays();
  }

  clear(): void {
    this.#columns.clear();
    this.#last = undefined;
  }
}

function hasNamesOf(lesson: Lesson, last: Lesson | undefined): boolean {
  if (last === undefined) return false;
  const { ranker, fingerprint, version, arms } = lesson;
  if (ranker !== last.ranker || fingerprint !== last.fingerprint || version !== last.version) return false;
  if (arms === last.arms) return true;
  const [names, others] = [Object.keys(arms), Object.keys(last.arms)];
  return (
    names.length === others.length && names.every((name, i) => name === others[i] && arms[name] === last.arms[name])
  );
}

type Names = Pick<LessonParts, 'ranker' | 'fingerprint' | 'version' | 'arms'>;

/** Keeps the lessons of lists, one after the other, each of so many rows. */
export function readLessons(
  frame: Frame,
  { arms: shapes, tasks, shelf }: { readonly arms: unknown; readonly tasks: number; readonly shelf: LessonShelf },
): { next(rows: number): Lesson; end(): void } {
  const namesOf = frame.next('u32');
  const texts = readTexts(frame, 'names');
  const arms = readRecords<LessonParts['arms']>(frame, 'arms', shapes);
  const positions = readRuns(frame, 'positions', frame.next('i32'));
  const served = readRuns(frame, 'values that were served', frame.next('f32'));
  const featureBytes = frame.next('u32', namesOf.length);
  const features = readRuns(frame, 'features', bytesOf(frame));
  const heard = frame.next('u32', namesOf.length);
  const times = readRuns(frame, 'times of feedback', frame.next('f64'));
  let [at, read] = [0, 0];
  let names: Names | undefined;
  return {
    next(rows) {
      const wanted = namesOf[at] ?? -1;
      if (wanted === read) {
        names = { ranker: texts.next(), fingerprint: texts.next(), version: texts.next(), arms: arms.next() };
        read++;
      }
      if (names === undefined || wanted !== read - 1) throw frame.damaged('its lessons are cut short, or in disorder');
      const parts = {
        ...names,
        positions: positions.next(rows),
        served: served.next(rows * tasks),
        features: features.next(featureBytes[at] ?? 0),
      };
      return shelf.restore(parts, [...times.next(heard[at++] ?? 0)]);
    },
    end() {
      if (at !== namesOf.length) throw frame.damaged('its lessons are of other lists');
      for (const column of [texts, arms, positions, served, features, times]) column.end();
    },
  };
}
