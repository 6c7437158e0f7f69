import { WatchnextError } from '../../errors.js';

interface KafkaFailure {
  readonly type?: string;
  readonly name?: string;
  readonly message?: string;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

/** kafkajs wraps what a broker said in errors about retries: the innermost one has the reason. */
export const rootOf = (error: unknown): KafkaFailure => {
  let failure = (error ?? {}) as KafkaFailure;
  for (;;) {
    const inner = failure.errors?.[0] ?? failure.cause;
    if (inner === undefined || inner === null || typeof inner !== 'object') return failure;
    failure = inner;
  }
};

export const failureType = (error: unknown): string => rootOf(error).type ?? '';

/** Refusals that stay the same however often the question is asked. */
const finalTypes = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'INVALID_REPLICATION_FACTOR',
  'INVALID_PARTITIONS',
  'INVALID_CONFIG',
  'INVALID_TOPIC_EXCEPTION',
  'POLICY_VIOLATION',
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_TIMESTAMP',
  'INVALID_RECORD',
]);

export const isFinal = (error: unknown): boolean =>
  error instanceof WatchnextError ||
  finalTypes.has(failureType(error)) ||
  rootOf(error).name === 'KafkaJSSASLAuthenticationError';

/** log_unavailable with what the broker, or the way to it, said. */
export const unavailable = (doing: string, error: unknown): WatchnextError => {
  if (error instanceof WatchnextError) return error;
  const { message = 'no reason given', type } = rootOf(error);
  return new WatchnextError('log_unavailable', `${doing}: ${message}`, {
    problems: [
      {
        path: 'kafka',
        message: type === undefined ? message : `${type}: ${message}`,
        hint: 'see that a broker runs at the given address and that this client may use the topic',
      },
    ],
    cause: error,
  });
};

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 500;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Tries again, with growing pauses, until it succeeds, `stopped` says so, the refusal is final or the time is up; then
 * rejects with the last failure.
 */
export const retrying = async <T>(
  attempt: () => Promise<T>,
  { timeoutMs, stopped = () => false }: { readonly timeoutMs: number; readonly stopped?: () => boolean },
): Promise<T> => {
  const deadline = performance.now() + timeoutMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await attempt();
    } catch (error) {
      if (stopped() || isFinal(error) || performance.now() + pauseMs >= deadline) throw error;
      await pause(pauseMs);
    }
  }
};
