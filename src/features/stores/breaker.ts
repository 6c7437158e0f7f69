/** How a call ended; `skipped` was not made, because what it asks is taken to be away. */
export type CallOutcome = 'answered' | 'timeout' | 'failed' | 'skipped';

/** Calls of something on another machine that must not cost more than they are worth. */
export interface Breaker {
  readonly isAvailable: boolean;
  /**
   * What `work` answers, if it does so within `timeoutMs`; rejects with a `CallFailed` if it does not, and at once while it is
   * taken to be away.
   */
  call<T>(work: () => Promise<T>, timeoutMs: number): Promise<T>;
  /** It is known to be away: no call is made until it answers the probe. */
  trip(reason: string): void;
  /** Probes now. Resolves true if it answers. */
  probe(): Promise<boolean>;
  /** Ends the probing. */
  close(): void;
}

export interface BreakerOptions {
  /** The cheapest call that shows that it answers. */
  readonly probe: () => Promise<unknown>;
  /** A probe that takes longer has failed: what is too slow for a request is away. */
  readonly probeTimeoutMs: number;
  /** Between probes while it is away. */
  readonly probeEveryMs?: number;
  /** So many failures in a row mean that it is away. */
  readonly failures?: number;
  readonly onOutcome?: (outcome: CallOutcome) => void;
  /** Told when it goes away, with why, and when it is back, with how long it was away. */
  readonly onAway?: (reason: string) => void;
  readonly onBack?: (awayMs: number) => void;
}

export class CallFailed extends Error {
  override readonly name = 'CallFailed';
  readonly outcome: Exclude<CallOutcome, 'answered'>;
  constructor(outcome: Exclude<CallOutcome, 'answered'>, reason: string) {
    super(reason);
    this.outcome = outcome;
  }
}

/**
 * Taken to be away until its first probe is answered. Callers wait for at most `failures` timeouts in a row (and those that
 * were under way); then only probes in the background do, until one is answered.
 */
export const createBreaker = (options: BreakerOptions): Breaker => {
  const { probeEveryMs = 250, failures: mostFailures = 3, onOutcome } = options;
  let isAvailable = false;
  let failures = 0;
  let reason = 'has not answered yet';
  let awaySince = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let probing: Promise<boolean> | undefined;
  let closed = false;

  const trip = (why: string): void => {
    reason = why;
    if (!isAvailable || closed) return;
    isAvailable = false;
    awaySince = performance.now();
    options.onAway?.(why);
    probeLater();
  };
  const probeLater = (): void => {
    clearTimeout(timer);
    if (!closed && !isAvailable) timer = setTimeout(() => void probe(), probeEveryMs).unref();
  };
  const probe = (): Promise<boolean> =>
    (probing ??= within(options.probe, options.probeTimeoutMs)
      .then(
        () => {
          failures = 0;
          if (isAvailable || closed) return true;
          isAvailable = true;
          options.onBack?.(performance.now() - awaySince);
          return true;
        },
        (error: unknown) => {
          trip(reasonOf(error));
          return false;
        },
      )
      .finally(() => {
        probing = undefined;
        probeLater();
      }));

  return {
    get isAvailable() {
      return isAvailable;
    },
    trip,
    probe,
    async call(work, timeoutMs) {
      if (!isAvailable) {
        onOutcome?.('skipped');
        throw new CallFailed('skipped', reason);
      }
      try {
        const answer = await within(work, timeoutMs);
        failures = 0;
        onOutcome?.('answered');
        return answer;
      } catch (error) {
        const failed = error instanceof CallFailed ? error : new CallFailed('failed', reasonOf(error));
        onOutcome?.(failed.outcome);
        if (++failures >= mostFailures) trip(failed.message);
        throw failed;
      }
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
};

/**
 * A timer that is due because this process was busy says nothing about the other side: its answer may lie in the socket. So
 * what has arrived is read once more before the call is given up.
 */
const within = <T>(work: () => Promise<T>, timeoutMs: number): Promise<T> =>
  new Promise((resolve, reject) => {
    const late = (): void => reject(new CallFailed('timeout', `no answer within ${timeoutMs} ms`));
    const timer = setTimeout(() => setImmediate(late), timeoutMs);
    work()
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });

/** The message alone: errors of a client may hold what was sent, a password among it. */
const reasonOf = (error: unknown): string => {
  const { message = '', code = '' } = error as { message?: string; code?: string };
  return message || code || 'failed';
};
