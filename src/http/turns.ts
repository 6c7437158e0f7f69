import { onAbort } from '../aborting.js';
import { WatchnextError } from '../errors.js';
import { NotRun } from '../inference/index.js';
import { createPace } from '../pace.js';
import type { Metrics } from '../telemetry/index.js';

export interface TurnsOptions {
  /** Longer waits are not taken, where waiting does not end. */
  readonly queueMs: number;
  /** What becomes of who is not taken. */
  readonly overload: 'refuse' | 'fallback';
  /** Threads that score. */
  readonly workers: number;
  readonly metrics: Metrics;
  /** performance.now() if left out. */
  readonly now?: () => number;
  /** Calls soon, after what has arrived meanwhile was looked at; setImmediate if left out. */
  readonly soon?: (call: () => void) => void;
}

export interface Ask {
  /** The length of its body: what an answer costs grows with it. */
  readonly bytes: number;
  /** Of no use later, as performance.now() says it. */
  readonly deadline: number;
  /** Aborts when nobody waits any more. */
  readonly signal: AbortSignal;
}

export interface Turn {
  /** It may be answered in the fallback order only, without reading or scoring anything. */
  readonly overloaded: boolean;
  /** The answer is sent, or nobody waits for it any more. */
  end(): void;
}

/** The order in which rankings are worked on, and how many. */
export interface Turns {
  /** Whether whoever comes now is refused, whatever is asked: to say so before anything is done. */
  readonly isFull: boolean;
  /** Resolves when its turn has come. Rejects with `overloaded`, or with NotRun if nobody waits any more. */
  take(ask: Ask): Promise<Turn>;
  /** Counts a ranking that was refused because of `isFull`, and says with what. */
  refuse(): WatchnextError;
}

interface Waiting {
  readonly ask: Ask;
  readonly since: number;
  /** Bytes of work. */
  load: number;
  overloaded: boolean;
  /** Its caller may hang up from now on without being noticed. */
  deaf: () => void;
  readonly resolve: (turn: Turn) => void;
  readonly reject: (error: Error) => void;
}

/** What a ranking costs besides its candidates, in bytes of them. */
const fixedBytes = 2000;
/** What an answer in the fallback order costs of a scored one: reading the request and writing the answer. */
const fallbackCost = 0.25;
/** Of the queue, what may be fallback answers: beyond it they are refused, or they would take the place of scored ones. */
const fallbackShare = 0.25;
/** The queue was full at every moment of so long: then load may be more than a burst, or what a pause left behind. */
const risingMs = 200;
/** Nobody had to be turned away for so long: then it is over. */
const fallingMs = 100;
/** Longer between two looks, the process stood still. */
const longestLookMs = 20;
const retryAfterMs = 1000;

/**
 * First come, first served, one at a time per round of the event loop: so that waiting happens here, where it is seen and
 * costs nothing, and not in sockets and behind answers in the making. Only as many are under way as keep the threads busy.
 *
 * The wait ahead is predicted: the work that was taken and is not answered, at the pace at which answers were lately
 * finished while others waited. Whoever could not be answered before the deadline is not taken. The queue is full where the
 * wait is longer than `queueMs` and than a few rankings take. That alone turns nobody away: a burst is worked off. Overload
 * begins when the queue has been full for 200 ms and is three times as long as that, and ends when nobody had to be turned away in 100 ms of work; meanwhile a full
 * queue takes nobody in, and who has waited for longer than a full queue takes is turned away too.
 */
export const createTurns = (options: TurnsOptions): Turns => {
  const { queueMs, overload, workers, metrics, now = () => performance.now(), soon = setImmediate } = options;
  /** Under way: one being read, and for each thread one that it runs and one that is next, or is being answered. */
  const pipeline = 2 * workers + 1;
  /** However slow they are, so many are taken: fewer would leave threads idle, and turn away what comes in twos and threes. */
  const fewest = pipeline + 4;
  /** What a pause leaves behind at a load that can be answered. It is worked off, though the queue is full for long. */
  const burst = 3 * fewest;
  const pace = createPace();
  let waiting: Waiting[] = [];
  /** Under way. */
  let [started, startedLoad] = [0, 0];
  /** Of all who wait or are under way. */
  let [load, fallbackLoad] = [0, 0];
  let lastCalm = now();
  /** Of the time in which the process stood still, when nobody can be turned away, next to nothing counts as calm. */
  let [lastLook, untroubledMs] = [now(), Infinity];
  let lastEnd = 0;
  let [isBusy, isScheduled] = [false, false];

  const msOf = (bytes: number): number => bytes * (pace.msPerUnit ?? 0);
  const isFull = (): boolean => waiting.length + started >= fewest && msOf(load) > queueMs;
  const isOverloaded = (): boolean =>
    untroubledMs < fallingMs || (now() - lastCalm > risingMs && waiting.length + started >= burst);
  const look = (): void => {
    untroubledMs += Math.min(now() - lastLook, longestLookMs);
    lastLook = now();
    if (!isFull()) lastCalm = now();
  };
  /** Waits of so long are of no use; never less than what a queue that is just full takes. */
  const patienceMs = (): number => Math.max(queueMs, (fewest * msOf(load)) / (waiting.length + started));
  const fallbackFits = (): boolean => overload === 'fallback' && msOf(fallbackLoad) <= fallbackShare * queueMs;
  metrics.beforeScrape(() => metrics.set('watchnext_predicted_wait_seconds', {}, msOf(load) / 1000));

  const refusal = (): WatchnextError => {
    metrics.count('watchnext_sheds_total', { reason: 'overloaded' });
    return new WatchnextError('overloaded', 'Too many rankings wait for their turn.', { retryAfterMs });
  };

  /** Whether it stays all the same, as one that gets the fallback order. */
  const shed = (each: Waiting): boolean => {
    if (!fallbackFits()) return false;
    metrics.count('watchnext_sheds_total', { reason: 'overloaded' });
    each.overloaded = true;
    each.load *= fallbackCost;
    return true;
  };

  const add = (each: Waiting): void => {
    load += each.load;
    if (each.overloaded) fallbackLoad += each.load;
  };
  const remove = (each: Waiting): void => {
    load -= each.load;
    if (each.overloaded) fallbackLoad -= each.load;
  };

  const schedule = (): void => {
    if (isScheduled || waiting.length === 0) return;
    if (started > pipeline && msOf(startedLoad) > queueMs / 2) return;
    isScheduled = true;
    soon(startNext);
  };

  const startNext = (): void => {
    isScheduled = false;
    look();
    const patience = patienceMs();
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const waitedLong = isOverloaded() && now() - next.since > patience;
      if (waitedLong) untroubledMs = 0;
      if ((waitedLong || now() >= next.ask.deadline) && !next.overloaded) {
        remove(next);
        if (!shed(next)) {
          next.deaf();
          next.reject(refusal());
          continue;
        }
        add(next);
      }
      start(next);
      break;
    }
    schedule();
  };

  const start = (each: Waiting): void => {
    const begun = now();
    each.deaf();
    started++;
    startedLoad += each.load;
    let ended = false;
    const end = (): void => {
      if (ended) return;
      ended = true;
      started--;
      startedLoad -= each.load;
      remove(each);
      look();
      if (isBusy) pace.add(now() - lastEnd, each.load);
      else if (pace.msPerUnit === undefined) pace.add(now() - begun, each.load);
      lastEnd = now();
      isBusy = waiting.length > 0 || started > workers;
      schedule();
    };
    each.resolve({ overloaded: each.overloaded, end });
  };

  return {
    get isFull() {
      look();
      return isFull() && isOverloaded() && !fallbackFits();
    },
    refuse: () => {
      untroubledMs = 0;
      return refusal();
    },
    take: (ask) =>
      new Promise((resolve, reject) => {
        if (ask.signal.aborted) throw new NotRun('cancelled');
        look();
        const each: Waiting = {
          ask,
          resolve,
          reject,
          since: now(),
          load: ask.bytes + fixedBytes,
          overloaded: false,
          deaf: () => undefined,
        };
        const isLate = waiting.length + started >= fewest && now() + msOf(load) > ask.deadline;
        const waitsLong = isFull() && isOverloaded();
        if (waitsLong) untroubledMs = 0;
        if ((isLate || waitsLong) && !shed(each)) throw refusal();
        add(each);
        waiting.push(each);
        each.deaf = onAbort(ask.signal, () => {
          waiting = waiting.filter((other) => other !== each);
          remove(each);
          metrics.count('watchnext_sheds_total', { reason: 'cancelled' });
          reject(new NotRun('cancelled'));
        });
        schedule();
      }),
  };
};
