/**
 * What became of every request, one element each, in the order in which they were due. Times are milliseconds from the start.
 * Structured-cloneable: it crosses processes as it is.
 */
export interface Recording {
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
  /** When it was to be sent. */
  readonly dueMs: Float64Array;
  /** When the generator came to it; later than it was due only if the generator itself was held up. */
  readonly reachedMs: Float64Array;
  /** When the last byte of its answer was here; NaN if it never was. */
  readonly endedMs: Float64Array;
  /** HTTP status; 0 a broken connection, -1 no answer in time. */
  readonly status: Int16Array;
  /** 1 + the place of the first of {@link marks} that the answer held; 0 for none. */
  readonly mark: Uint8Array;
  /** Of the generator's process, while it ran. */
  readonly cpuSeconds: number;
}

/**
 * What a request came to. `ok`: answered as asked; `fallback`: answered in the fallback order; `degraded`: scored, with something
 * missing that the answer names; `refused`: told to come later (503, 429); `failed`: anything else, no answer included.
 */
export type Outcome = 'ok' | 'fallback' | 'degraded' | 'refused' | 'failed';

/** Answered with scores: what latencies are counted of. */
export const scored: readonly Outcome[] = ['ok', 'degraded'];
/** How an answer says what it is. */
export const marks: readonly string[] = ['"fallback":', '"degraded":'];

export const outcomeOf = ({ status, mark }: Pick<Recording, 'status' | 'mark'>, request: number): Outcome => {
  const code = status[request] ?? 0;
  if (code === 503 || code === 429) return 'refused';
  if (code !== 200) return 'failed';
  return (['ok', 'fallback', 'degraded'] as const)[mark[request] ?? 0] ?? 'ok';
};

/**
 * From when a request was due to the end of its answer, in milliseconds: what somebody who wanted an answer then has waited,
 * whatever held the request up before it was sent.
 */
export const latencyMs = ({ dueMs, endedMs }: Pick<Recording, 'dueMs' | 'endedMs'>, request: number): number =>
  (endedMs[request] ?? NaN) - (dueMs[request] ?? NaN);

/** An empty recording for so many requests. */
export const emptyRecording = (dueMs: Float64Array): Recording & { cpuSeconds: number; startedAtMs: number } => ({
  startedAtMs: 0,
  dueMs,
  reachedMs: new Float64Array(dueMs.length).fill(NaN),
  endedMs: new Float64Array(dueMs.length).fill(NaN),
  status: new Int16Array(dueMs.length).fill(-1),
  mark: new Uint8Array(dueMs.length),
  cpuSeconds: 0,
});
