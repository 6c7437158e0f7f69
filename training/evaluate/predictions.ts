import type { RankerDefinition } from '../../src/definition/index.js';
import { zoneOf } from '../../src/features/index.js';
import type { LoggedRequest } from '../dataset/index.js';

/** What was predicted and what came, row by row: all that the measures need. Heads and labels are [rows] per task. */
export interface Predictions {
  readonly tasks: readonly string[];
  readonly times: Float64Array;
  /** Rows of one user and local day share a group: what a within-user measure compares. */
  readonly groups: readonly string[];
  readonly requests: readonly string[];
  readonly heads: readonly Float64Array[];
  /** NaN = unknown or masked. */
  readonly labels: readonly Float64Array[];
}

/** Collects predictions request by request; columns grow by doubling. */
export class PredictionLog {
  readonly #tasks: readonly string[];
  readonly #zone: ReturnType<typeof zoneOf>;
  readonly #groups: string[] = [];
  readonly #requests: string[] = [];
  #times = new Float64Array(1024);
  #heads: Float64Array[];
  #labels: Float64Array[];
  #rows = 0;
  #nextRequest = 0;

  constructor(definition: RankerDefinition) {
    this.#tasks = Object.keys(definition.tasks);
    this.#zone = zoneOf(definition.training?.timezone);
    this.#heads = this.#tasks.map(() => new Float64Array(1024));
    this.#labels = this.#tasks.map(() => new Float64Array(1024));
  }

  /** `heads` is [candidates, tasks] in natural units. */
  append(request: LoggedRequest, heads: Float32Array): void {
    const count = request.candidates.length;
    this.#grow(count);
    const user = request.user['user_id'];
    const id = request.requestId ?? `#${this.#nextRequest++}`;
    const group = user === null || user === undefined ? id : `${String(user)} ${this.#localDay(request.time)}`;
    for (let i = 0; i < count; i++) {
      const row = this.#rows + i;
      this.#times[row] = request.time;
      this.#groups.push(group);
      this.#requests.push(id);
      for (let task = 0; task < this.#tasks.length; task++) {
        this.#put(task, row, { head: heads[i * this.#tasks.length + task], label: request.labels[task]?.[i] });
      }
    }
    this.#rows += count;
  }

  /** `heads` is [rows, tasks] over the rows of the requests in order. */
  appendBlock(requests: readonly LoggedRequest[], heads: Float32Array): void {
    let row = 0;
    for (const request of requests) {
      const end = row + request.candidates.length;
      this.append(request, heads.subarray(row * this.#tasks.length, end * this.#tasks.length));
      row = end;
    }
  }

  /** Days since 1970 on the clocks of the ranker's zone. */
  #localDay(time: number): number {
    return Math.floor((time + this.#zone.offsetMs(time)) / 86_400_000);
  }

  #put(
    task: number,
    row: number,
    { head = Number.NaN, label = Number.NaN }: { head: number | undefined; label: number | undefined },
  ): void {
    const [heads, labels] = [this.#heads[task], this.#labels[task]];
    if (heads !== undefined) heads[row] = head;
    if (labels !== undefined) labels[row] = label;
  }

  #grow(count: number): void {
    const needed = this.#rows + count;
    if (needed <= this.#times.length) return;
    const size = Math.max(needed, this.#times.length * 2);
    const wider = (column: Float64Array): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(size);
      grown.set(column);
      return grown;
    };
    this.#times = wider(this.#times);
    this.#heads = this.#heads.map(wider);
    this.#labels = this.#labels.map(wider);
  }

  get rows(): number {
    return this.#rows;
  }

  /** The rows from `first` on, as views. */
  since(first = 0): Predictions {
    const cut = (column: Float64Array): Float64Array => column.subarray(first, this.#rows);
    return {
      tasks: this.#tasks,
      times: cut(this.#times),
      groups: this.#groups.slice(first),
      requests: this.#requests.slice(first),
      heads: this.#heads.map(cut),
      labels: this.#labels.map(cut),
    };
  }
}
