import type { RequestTrace } from './tracer.js';

/** What one request was about, for its log line and its trace: few names, plain values, nothing secret. */
export interface RequestFacts {
  readonly ranker?: string;
  readonly version?: string;
  readonly candidates?: number;
  readonly fallback?: string;
}

/** A part of a request that is over. Times as performance.now() says them. */
export interface Span {
  readonly name: string;
  readonly started: number;
  readonly ended: number;
}

/**
 * On what one request spends its time. It costs a few small objects, traced or not, so that a slow request can say where it
 * was slow. A span may come after the answer: then it is of the trace alone.
 */
export class Timeline {
  readonly started = performance.now();
  readonly #trace: RequestTrace | undefined;
  #spans: Span[] = [];
  #facts: RequestFacts = {};

  constructor(trace?: RequestTrace) {
    this.#trace = trace;
  }

  /** Undefined for a request that is not traced. */
  get traceId(): string | undefined {
    return this.#trace?.traceId;
  }

  get facts(): RequestFacts {
    return this.#facts;
  }

  note(facts: RequestFacts): void {
    Object.assign(this.#facts, facts);
  }

  span(name: string, started: number, ended = performance.now()): void {
    this.#spans.push({ name, started, ended });
    this.#trace?.span({ name, started, ended });
  }

  /** Milliseconds by name. */
  stages(): Record<string, number> {
    const stages: Record<string, number> = {};
    for (const { name, started, ended } of this.#spans)
      stages[name] = Math.round(((stages[name] ?? 0) + ended - started) * 1000) / 1000;
    return stages;
  }

  /** The request is over. */
  end(attributes: Readonly<Record<string, string | number>>, failed: boolean): void {
    this.#trace?.end({ attributes: Object.assign({}, attributes, this.#facts), failed });
  }
}
