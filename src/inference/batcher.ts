import { onAbort } from '../aborting.js';
import { WatchnextError } from '../errors.js';
import type { FeatureBatch } from '../features/index.js';
import { createPace, type Pace } from '../pace.js';
import type { Metrics, Timeline } from '../telemetry/index.js';
import type { TimedScores } from './session.js';
import { ThreadDied } from './thread.js';
import { NotRun, type ScoreOptions, type Scores } from './types.js';

/** What runs batches, one after the other in the order they came. */
export interface Runner {
  /** Scores of the batches, one after the other in one run; rejects with ThreadDied if it has to be replaced. */
  run(model: number, batches: readonly FeatureBatch[]): Promise<TimedScores>;
}

export interface BatcherOptions {
  readonly limits: BatchLimits;
  readonly metrics: Metrics;
  /** performance.now() if left out. */
  readonly now?: () => number;
  /** Calls when the time has come, or a little later; answers how to call it off. Timers of the process if left out. */
  readonly after?: (ms: number, call: () => void) => () => void;
}

export interface BatchLimits {
  /** Batches that wait share a run up to so many rows; a larger one runs alone. */
  readonly rows: number;
  /** How long a run that is not full waits for more, where batches had to wait anyway. */
  readonly waitUs: number;
}

/** Where batches wait for a thread and meet. */
export interface Batcher {
  score(model: number, batch: FeatureBatch, options?: ScoreOptions): Promise<Scores>;
  add(runner: Runner): void;
  remove(runner: Runner): void;
  /** What was measured of a model is of no use any more. */
  forget(model: number): void;
  /** What still waits is refused. */
  close(): void;
}

interface Waiting {
  readonly model: number;
  readonly batch: FeatureBatch;
  readonly deadline: number;
  readonly since: number;
  readonly signal: AbortSignal | undefined;
  readonly timeline: Timeline | undefined;
  /** Found a thread free: goes whatever was measured before, so that a pace that is wrong is found out. */
  first: boolean;
  /** Has failed once, with others or with its thread. */
  again: boolean;
  readonly resolve: (scores: Scores) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A batch that finds a thread free is sent at once. While all are busy batches wait, in order, and the next free thread takes
 * as many of one model as fit into a run. A full run is sent ahead, so that the thread need not wait for this one, which may
 * be busy with a request, to hand it the next. What cannot make its deadline is not run. What failed together is tried again
 * one by one, what was alone with a thread that died once more; what fails then is rejected.
 */
export const createBatcher = (options: BatcherOptions): Batcher => {
  const { limits, metrics, now = () => performance.now(), after = afterMs } = options;
  let queue: Waiting[] = [];
  const inFlight = new Map<Runner, number>();
  /** Those with what failed before: nothing else is risked with it. */
  const retrying = new Set<Runner>();
  const paces = new Map<number, Pace>();
  let callOff = (): void => undefined;
  let closed = false;
  metrics.beforeScrape(() => metrics.set('watchnext_queue_rows', {}, rowsOf(queue)));

  const runMs = (model: number, rows: number): number => (paces.get(model)?.msPerUnit ?? 0) * rows;
  const isLate = ({ deadline, first, model, batch }: Waiting): boolean =>
    now() + (first ? 0 : runMs(model, batch.rows)) >= deadline;

  const leastBusy = (): Runner | undefined => {
    let best: Runner | undefined;
    for (const [runner, runs] of inFlight) if (best === undefined || runs < (inFlight.get(best) ?? 0)) best = runner;
    return best;
  };

  /** The next run: batches of the first one's model, in order, and whether more would fit. */
  const next = (): { readonly run: Waiting[]; readonly full: boolean } => {
    const [first] = queue;
    if (first === undefined) return { run: [], full: false };
    const run = [first];
    let { rows } = first.batch;
    if (first.again) return { run, full: false };
    for (const each of queue.slice(1)) {
      if (rows >= limits.rows) break;
      if (each.model !== first.model || each.again) continue;
      if (rows + each.batch.rows > limits.rows) return { run, full: true };
      run.push(each);
      rows += each.batch.rows;
    }
    return { run, full: rows >= limits.rows };
  };

  const dispatch = (): void => {
    callOff();
    dropLate();
    for (let runner = leastBusy(); runner !== undefined && queue.length > 0; runner = leastBusy()) {
      const runs = inFlight.get(runner) ?? 0;
      const { run, full } = next();
      if (runs > 1 || (runs === 1 && (!full || retrying.has(runner)))) return;
      const [first] = run;
      if (!full && first?.first === false && !first.again) {
        const leftMs = first.since + limits.waitUs / 1000 - now();
        if (leftMs > 0) {
          callOff = after(leftMs, dispatch);
          return;
        }
      }
      const taken = new Set(run);
      queue = queue.filter((each) => !taken.has(each));
      void send(runner, run);
    }
  };

  const dropLate = (): void => {
    const late = new Set(queue.filter(isLate));
    if (late.size === 0) return;
    queue = queue.filter((each) => !late.has(each));
    for (const each of late) each.reject(new NotRun('deadline'));
  };

  const send = async (runner: Runner, run: readonly Waiting[]): Promise<void> => {
    const [{ model }] = run as [Waiting];
    const rows = rowsOf(run);
    const sent = now();
    inFlight.set(runner, (inFlight.get(runner) ?? 0) + 1);
    if (run.some(({ again }) => again)) retrying.add(runner);
    for (const { since } of run) metrics.observe('watchnext_queue_seconds', {}, (sent - since) / 1000);
    metrics.observe('watchnext_batch_rows', {}, rows);
    metrics.observe('watchnext_batch_requests', {}, run.length);
    try {
      const batches = run.map(({ batch }) => batch);
      const { encodeMs, runMs, ...scores } = await runner.run(model, batches);
      metrics.observe('watchnext_rank_stage_seconds', { stage: 'encode' }, encodeMs / 1000);
      metrics.observe('watchnext_rank_stage_seconds', { stage: 'run' }, runMs / 1000);
      paceOf(model).add(encodeMs + runMs, rows);
      let row = 0;
      for (const { batch, since, timeline, resolve } of run) {
        timeline?.span('queue', since, sent);
        timeline?.span('encode', sent, sent + encodeMs);
        timeline?.span('run', sent + encodeMs, sent + encodeMs + runMs);
        resolve(run.length === 1 ? scores : part(scores, { from: row, until: row + batch.rows, of: rows }));
        row += batch.rows;
      }
    } catch (error) {
      fail(run, error);
    } finally {
      const runs = inFlight.get(runner);
      if (runs !== undefined) inFlight.set(runner, runs - 1);
      retrying.delete(runner);
      dispatch();
    }
  };

  const fail = (run: readonly Waiting[], error: unknown): void => {
    const isRetried = !closed && (run.length > 1 || error instanceof ThreadDied);
    const retried = run.filter(({ again, signal }) => isRetried && !again && signal?.aborted !== true);
    for (const each of run) if (!retried.includes(each)) each.reject(error);
    for (const each of retried) Object.assign(each, { again: true, first: false });
    queue = [...retried, ...queue];
  };

  const paceOf = (model: number): Pace => {
    const pace = paces.get(model) ?? createPace();
    paces.set(model, pace);
    return pace;
  };

  /** Whether it would come too late behind what waits; a guess, made only where it has to wait. */
  const comesLate = (model: number, rows: number, deadline: number): boolean => {
    if (deadline === Infinity) return false;
    const aheadMs = queue.reduce((sum, each) => sum + runMs(each.model, each.batch.rows), 0);
    return now() + aheadMs / Math.max(1, inFlight.size) + runMs(model, rows) > deadline;
  };

  return {
    score: (model, batch, { deadline = Infinity, signal, timeline } = {}) => {
      let deafen = (): void => undefined;
      const scores = new Promise<Scores>((resolve, reject) => {
        if (closed) throw new WatchnextError('not_ready', 'Scoring has ended.');
        if (signal?.aborted === true) throw new NotRun('cancelled');
        const idle = leastBusy();
        const first = queue.length === 0 && idle !== undefined && inFlight.get(idle) === 0;
        if (!first && comesLate(model, batch.rows, deadline)) throw new NotRun('deadline');
        const since = now();
        const request = { model, batch, deadline, signal, timeline };
        const waiting: Waiting = { first, since, again: false, resolve, reject, ...request };
        deafen = onAbort(signal, () => {
          queue = queue.filter((each) => each !== waiting);
          reject(new NotRun('cancelled'));
        });
        queue.push(waiting);
        dispatch();
      });
      return scores.finally(() => deafen());
    },
    add: (runner) => {
      inFlight.set(runner, 0);
      dispatch();
    },
    remove: (runner) => void inFlight.delete(runner),
    forget: (model) => void paces.delete(model),
    close: () => {
      closed = true;
      callOff();
      for (const { reject } of queue.splice(0)) reject(new WatchnextError('not_ready', 'Scoring has ended.'));
    },
  };
};

/** Timers know whole milliseconds only. */
const afterMs = (ms: number, call: () => void): (() => void) => {
  if (ms >= 1) {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  }
  const immediate = setImmediate(call);
  return () => clearImmediate(immediate);
};

const rowsOf = (waiting: readonly Waiting[]): number => waiting.reduce((sum, { batch }) => sum + batch.rows, 0);

/** The scores of some rows, in place. */
const part = (
  { heads, gates }: Scores,
  { from, until, of }: { readonly from: number; readonly until: number; readonly of: number },
): Scores => {
  const cut = (values: Float32Array): Float32Array =>
    values.subarray((from / of) * values.length, (until / of) * values.length);
  return gates === undefined ? { heads: cut(heads) } : { heads: cut(heads), gates: cut(gates) };
};
