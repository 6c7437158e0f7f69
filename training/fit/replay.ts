import type { RankerDefinition } from '../../src/definition/index.js';
import type { FeatureReader, FeatureState, Outcome } from '../../src/features/index.js';
import type { Dataset, LoggedRequest, TimeRange } from '../dataset/index.js';
import type { Examples } from './examples.js';

/** Examples with the log entries they were read from. */
export interface ReplayedExamples extends Examples {
  readonly requests: readonly LoggedRequest[];
}

export interface ReplayOptions {
  readonly definition: RankerDefinition;
  readonly dataset: Pick<Dataset, 'requests'>;
  readonly state: FeatureState;
  readonly reader: FeatureReader;
  readonly range: TimeRange;
  /** Rows per block, about; 4,096 if left out. */
  readonly blockRows?: number;
}

/**
 * Replays a log in time order: for every request first the features are read, then its outcomes are observed, exactly as
 * if it was served. So no feature of a row can hold that row's outcome or anything later, and the state ends where a
 * service would take over. Memory holds one block.
 */
export async function* replay({ blockRows = 4096, ...options }: ReplayOptions): AsyncGenerator<ReplayedExamples> {
  const tasks = Object.keys(options.definition.tasks);
  const readBlock = (requests: readonly LoggedRequest[]): ReplayedExamples => {
    const batch = options.reader.read(requests, (index) => {
      options.state.observe(outcomesOf(requests[index] as LoggedRequest, tasks));
    });
    return { batch, ...outcomeColumns(requests, batch.rows, tasks.length), requests };
  };
  let requests: LoggedRequest[] = [];
  let rows = 0;
  for await (const request of options.dataset.requests(options.range)) {
    if (rows > 0 && rows + request.candidates.length > blockRows) {
      yield readBlock(requests);
      requests = [];
      rows = 0;
    }
    requests.push(request);
    rows += request.candidates.length;
  }
  if (rows > 0) yield readBlock(requests);
}

function outcomeColumns(requests: readonly LoggedRequest[], rows: number, tasks: number): Omit<Examples, 'batch'> {
  const labels = new Float32Array(rows * tasks);
  const positions = new Int32Array(rows);
  let start = 0;
  for (const request of requests) {
    positions.set(request.positions, start);
    request.labels.forEach((ofTask, task) => {
      for (let row = 0; row < ofTask.length; row++) labels[(start + row) * tasks + task] = ofTask[row] as number;
    });
    start += request.candidates.length;
  }
  return { labels, positions, times: Float64Array.from(requests, ({ time }) => time) };
}

function outcomesOf({ time, user, context, candidates, labels }: LoggedRequest, tasks: readonly string[]): Outcome[] {
  return candidates.map((candidate, row) => {
    const ofRow: Record<string, number> = {};
    tasks.forEach((task, index) => (ofRow[task] = labels[index]?.[row] ?? Number.NaN));
    return { time, user, context, candidate, labels: ofRow };
  });
}
