/**
 * Every error a person can meet, in one catalogue: code, HTTP status and whether trying again can help.
 * docs/errors.md lists the same codes; a test keeps the two alike.
 */
export const catalogue = {
  definition_invalid: { status: 422, retriable: false },
  data_invalid: { status: 422, retriable: false },
  data_missing: { status: 422, retriable: false },
  training_diverged: { status: 500, retriable: false },
  training_stopped: { status: 503, retriable: true },
  kernel_not_covered: { status: 500, retriable: false },
  trace_invalid: { status: 500, retriable: false },
  artifact_damaged: { status: 409, retriable: false },
  artifact_missing: { status: 404, retriable: false },
  artifact_exists: { status: 409, retriable: false },
  settings_invalid: { status: 500, retriable: false },
  request_invalid: { status: 400, retriable: false },
  request_too_large: { status: 413, retriable: false },
  media_type_unsupported: { status: 415, retriable: false },
  route_unknown: { status: 404, retriable: false },
  method_not_allowed: { status: 405, retriable: false },
  ranker_unknown: { status: 404, retriable: false },
  head_unknown: { status: 400, retriable: false },
  weight_out_of_bounds: { status: 400, retriable: false },
  head_too_large: { status: 431, retriable: false },
  request_timeout: { status: 408, retriable: true },
  unauthorized: { status: 401, retriable: false },
  forbidden: { status: 403, retriable: false },
  rate_limited: { status: 429, retriable: true },
  keys_invalid: { status: 422, retriable: false },
  not_ready: { status: 503, retriable: true },
  overloaded: { status: 503, retriable: true },
  device_unavailable: { status: 500, retriable: false },
  log_unavailable: { status: 503, retriable: true },
  log_full: { status: 503, retriable: true },
  store_unavailable: { status: 503, retriable: true },
  log_locked: { status: 500, retriable: false },
  log_gap: { status: 500, retriable: false },
  log_damaged: { status: 500, retriable: false },
  event_invalid: { status: 422, retriable: false },
  impression_missing: { status: 404, retriable: false },
  checkpoint_damaged: { status: 500, retriable: false },
  delta_refused: { status: 409, retriable: false },
  learning_stopped: { status: 503, retriable: true },
  experiments_invalid: { status: 422, retriable: false },
  usage: { status: 400, retriable: false },
  internal: { status: 500, retriable: true },
} as const;

export type ErrorCode = keyof typeof catalogue;

/** One thing that is wrong: where it is, what is wrong, what to do. `path` is a JSON pointer, a column or a file:line. */
export interface Problem {
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
}

/** An error for people: it says what was wrong, where, what is allowed and what to do; all problems at once. */
export class WatchnextError extends Error {
  override readonly name = 'WatchnextError';
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];
  /** When trying again is worth it, where that is known: over HTTP the Retry-After header. */
  readonly retryAfterMs?: number;

  constructor(
    code: ErrorCode,
    message: string,
    options: { problems?: readonly Problem[]; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.problems = options.problems ?? [];
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
  }

  get status(): number {
    return catalogue[this.code].status;
  }

  get retriable(): boolean {
    return catalogue[this.code].retriable;
  }
}
