import type { PhaseSummary, TimelineSecond, Verdict } from '../measure/index.js';
import type { Lateness } from '../measure/index.js';
import type { Machine } from '../machine.js';
import type { ServiceSample } from '../service/index.js';

/** Everything about one scenario, as it is kept in results/<scenario>.json. */
export interface ScenarioResult {
  readonly scenario: string;
  readonly about: string;
  /** What runs it again. */
  readonly command: string;
  readonly startedAt: string;
  readonly seconds: number;
  readonly machine: Machine;
  readonly commit: string;
  readonly quick: boolean;
  readonly load: {
    readonly seed: number;
    readonly candidates: number;
    readonly users: number;
    readonly items: number;
    readonly exponent: number;
    readonly arrivals: string;
    readonly connections: number;
    /** Requests a second; null where it was not looked for. */
    readonly saturationPerSecond: number | null;
  };
  /** Why it did not run; then there is nothing below but empty lists. */
  readonly skipped?: string;
  /** Why the numbers say nothing of the service. */
  readonly invalid?: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly measures: Readonly<Record<string, number>>;
  readonly verdicts: readonly Verdict[];
  readonly phases: readonly PhaseSummary[];
  readonly generator: Lateness | null;
  readonly timeline: readonly TimelineSecond[];
  /** Times are seconds from the start of the load. */
  readonly service: readonly (Omit<ServiceSample, 'atMs'> & { readonly second: number })[];
  readonly notes: readonly string[];
}

/** Skipped ones are neither good nor bad. */
export const hasFailed = ({ verdicts, invalid }: ScenarioResult): boolean =>
  invalid !== undefined || verdicts.some(({ held }) => !held);
