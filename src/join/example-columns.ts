import { featuresAt, positionsAt } from './lesson.js';
import type { JoinedExample, Sequence } from './types.js';

/** Who served an example, with what. */
export type ExampleNames = Pick<JoinedExample, 'ranker' | 'version' | 'fingerprint' | 'arms'>;

/** Examples as they are moved between threads, without a copy: all of their arrays lie in one piece of memory. */
export interface ExampleArrays {
  readonly tasks: number;
  /** [examples, 9] partition, sequence, time, matured, rows, feature bytes, feedback times, which names, place in memory. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** Of each from its place on, which is a multiple of 8: as a lesson lies; feedback times; labels. */
  readonly memory: ArrayBuffer;
  /** [examples] */
  readonly requestIds: readonly string[];
  /** Each once. */
  readonly names: readonly ExampleNames[];
}

export const exampleWidth = 9;

export interface ExampleSizes {
  readonly rows: number;
  readonly featureBytes: number;
  /** Of feedback. */
  readonly times: number;
}

/** Where arrays of an example begin, in bytes from its place on, and where the next one does. */
export const placesOf = (tasks: number, { rows, featureBytes, times }: ExampleSizes) => {
  const cells = rows * tasks;
  const features = featuresAt(rows, cells);
  const feedbackTimes = aligned(features + featureBytes);
  const labels = feedbackTimes + 8 * times;
  return { positions: positionsAt(cells), features, feedbackTimes, labels, end: aligned(labels + 4 * cells) };
};

const aligned = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** Examples in their order; as objects with five arrays each they were most of what joining allocated. */
export class ExampleColumns implements Sequence<JoinedExample> {
  readonly #arrays: ExampleArrays;

  constructor(arrays: ExampleArrays) {
    this.#arrays = arrays;
  }

  /** To be given away. */
  get arrays(): ExampleArrays {
    return this.#arrays;
  }

  get length(): number {
    return this.#arrays.requestIds.length;
  }

  /** As objects, whose arrays are views of what all lie in. */
  *[Symbol.iterator](): Generator<JoinedExample> {
    const { tasks, memory, requestIds, names } = this.#arrays;
    for (let i = 0; i < requestIds.length; i++) {
      const [partition, sequence, time, matured] = [
        this.#number(i, 0),
        this.#number(i, 1),
        this.#number(i, 2),
        this.#number(i, 3),
      ];
      const [rows, featureBytes, times] = [this.#number(i, 4), this.#number(i, 5), this.#number(i, 6)];
      const { ranker, version, fingerprint, arms } = names[this.#number(i, 7)] as ExampleNames;
      const at = this.#number(i, 8);
      const places = placesOf(tasks, { rows, featureBytes, times });
      yield {
        partition,
        sequence,
        time,
        matured,
        requestId: requestIds[i] ?? '',
        ranker,
        version,
        fingerprint,
        arms,
        positions: new Int32Array(memory, at + places.positions, rows),
        features: new Uint8Array(memory, at + places.features, featureBytes),
        labels: new Float32Array(memory, at + places.labels, rows * tasks),
        served: new Float32Array(memory, at, rows * tasks),
        feedbackTimes: new Float64Array(memory, at + places.feedbackTimes, times),
      };
    }
  }

  #number(example: number, column: number): number {
    return this.#arrays.numbers[example * exampleWidth + column] ?? 0;
  }
}

export const noExamples = new ExampleColumns({
  tasks: 0,
  numbers: new Float64Array(0),
  memory: new ArrayBuffer(0),
  requestIds: [],
  names: [],
});
