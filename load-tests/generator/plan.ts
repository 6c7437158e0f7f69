import type { ArrivalProcess } from './arrivals.js';
import type { Audience } from './bodies.js';
import type { Phase } from './phases.js';
import type { Recording } from './recording.js';

/** Everything that a run of the generator depends on; the same plan sends the same requests at the same times. */
export interface Plan {
  readonly load:
    | { readonly kind: 'open'; readonly phases: readonly Phase[]; readonly arrivals: ArrivalProcess }
    | { readonly kind: 'closed'; readonly seconds: number; readonly askers: number };
  readonly audience: Audience;
  readonly seed: number;
  /** To each server. */
  readonly connections: number;
  readonly timeoutMs: number;
}

/** What the process is told, one after the other. */
export type Told = { readonly plan: Plan } | { readonly urls: readonly string[] };
/** What it answers. */
export type Said = 'up' | 'prepared' | { readonly recording: Recording };
