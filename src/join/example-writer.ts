import { ExampleColumns, exampleWidth, noExamples, placesOf, type ExampleNames } from './example-columns.js';
import type { Lesson } from './lesson.js';
import type { JoinedExample } from './types.js';

type About = Pick<JoinedExample, 'partition' | 'sequence' | 'time' | 'matured' | 'requestId'>;

const leastBytes = 4096;

/** Puts examples into columns. */
export class ExampleWriter {
  readonly #tasks: number;
  #memory = new ArrayBuffer(0);
  #used = 0;
  readonly #numbers: number[] = [];
  readonly #requestIds: string[] = [];
  readonly #names: ExampleNames[] = [];
  #bytes = new Uint8Array(this.#memory);
  #floats = new Float32Array(this.#memory);
  #doubles = new Float64Array(this.#memory);

  /** @param bytes about how many there will be. */
  constructor(tasks: number, bytes: number) {
    this.#tasks = tasks;
    if (bytes > 0) this.#grow(bytes);
  }

  get bytes(): number {
    return this.#used;
  }

  /** Answers where its labels are to be written, [rows, tasks]. */
  add(
    { partition, sequence, time, matured, requestId }: About,
    lesson: Lesson,
    feedbackTimes: readonly number[],
  ): { readonly labels: Float32Array; readonly at: number } {
    const { rows, featureBytes } = lesson;
    const { length: times } = feedbackTimes;
    const places = placesOf(this.#tasks, { rows, featureBytes, times });
    const start = this.#used;
    this.#used += places.end;
    if (this.#used > this.#memory.byteLength) this.#grow(Math.max(leastBytes, 2 * this.#used));
    this.#bytes.set(lesson.bytes, start);
    const from = (start + places.feedbackTimes) / 8;
    for (let i = 0; i < times; i++) this.#doubles[from + i] = feedbackTimes[i] ?? 0;
    if (times > 1) this.#doubles.subarray(from, from + times).sort();
    const names = this.#placeOf(lesson);
    this.#numbers.push(partition, sequence, time, matured, rows, featureBytes, times, names, start);
    this.#requestIds.push(requestId);
    return { labels: this.#floats, at: (start + places.labels) / 4 };
  }

  /** In the order in which they were complete. Nothing is written afterwards. */
  columns(): ExampleColumns {
    if (this.#requestIds.length === 0) return noExamples;
    const { order, isOrdered } = this.#order();
    const numbers = new Float64Array(this.#numbers);
    if (!isOrdered) {
      order.forEach((from, to) => {
        for (let column = 0; column < exampleWidth; column++)
          numbers[to * exampleWidth + column] = this.#number(from, column);
      });
    }
    return new ExampleColumns({
      tasks: this.#tasks,
      numbers,
      memory: this.#memory,
      requestIds: isOrdered ? this.#requestIds : order.map((from) => this.#requestIds[from] ?? ''),
      names: this.#names,
    });
  }

  #order(): { readonly order: readonly number[]; readonly isOrdered: boolean } {
    const order = this.#requestIds.map((_, example) => example);
    const [partition, sequence, matured] = [0, 1, 3];
    const compare = (a: number, b: number): number => {
      for (const column of [matured, partition, sequence]) {
        const difference = this.#number(a, column) - this.#number(b, column);
        if (difference !== 0) return difference;
      }
      return 0;
    };
    const isOrdered = order.every((example) => example === 0 || compare(example - 1, example) <= 0);
    return { order: isOrdered ? order : order.sort(compare), isOrdered };
  }

  #number(example: number, column: number): number {
    return this.#numbers[example * exampleWidth + column] ?? 0;
  }

  #placeOf({ ranker, version, fingerprint, arms }: Lesson): number {
    const place = this.#names.findLastIndex(
      (names) =>
        names.version === version &&
        names.arms === arms &&
        names.ranker === ranker &&
        names.fingerprint === fingerprint,
    );
    return place >= 0 ? place : this.#names.push({ ranker, version, fingerprint, arms }) - 1;
  }

  #grow(bytes: number): void {
    const before = this.#bytes;
    this.#memory = new ArrayBuffer(Math.ceil(bytes / 8) * 8);
    this.#bytes = new Uint8Array(this.#memory);
    this.#floats = new Float32Array(this.#memory);
    this.#doubles = new Float64Array(this.#memory);
    this.#bytes.set(before);
  }
}
