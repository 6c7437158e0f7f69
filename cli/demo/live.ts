import type { RankerDefinition } from '../../src/definition/index.js';
import { briefMeasures, measureHeads } from '../../training/stream/index.js';
import { print } from '../output.js';
import type { Audience, TrueChances } from './audience.js';
import { modelStatus, type ModelStatus } from './http.js';
import type { LearnerProcess } from './learner.js';

export interface LiveOptions {
  readonly url: string;
  readonly definition: RankerDefinition;
  readonly audience: Audience;
  readonly learner: LearnerProcess;
  /** Ends after this; only with the signal if left out. */
  readonly forMs?: number;
  readonly signal: AbortSignal;
}

/** What was seen while people came. */
export interface LiveResult {
  /** Versions that answered, sealed or updated, in the order in which they were first seen. */
  readonly versions: readonly string[];
  readonly status: ModelStatus | undefined;
  /** Why it ended early. */
  readonly problem: string | undefined;
}

const everyMs = 5000;

/** Tells every few seconds how it goes. */
export const watchLive = async (options: LiveOptions): Promise<LiveResult> => {
  const { url, definition, audience, learner, forMs = Infinity, signal } = options;
  const start = performance.now();
  const versions = new Set<string>();
  let status: ModelStatus | undefined;
  let told = 0;
  const result = (problem?: string): LiveResult => ({ versions: [...versions], status, problem });
  while (!signal.aborted && performance.now() - start < forMs) {
    await pause(1000, signal);
    status = await modelStatus(url, definition.name);
    if (status?.version !== undefined) versions.add(status.version);
    if (learner.ended !== undefined) return result(`the learner stopped: ${learner.ended}`);
    if (performance.now() - start < (told + 1) * everyMs) continue;
    told++;
    const { heads, labels } = audience.recent();
    const seconds = Math.round((performance.now() - start) / 1000);
    print(
      [
        `${String(seconds).padStart(4)} s`,
        tellChances(audience.takeChances()),
        briefMeasures(measureHeads(definition, { heads, labels })),
        tellFreshness(status),
        status?.version ?? 'no version',
      ].join(' | '),
    );
  }
  return result();
};

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

export const tellChances = ({ requests, ranked, any }: TrueChances): string =>
  requests === 0
    ? 'nobody came'
    : `likes ${percent(ranked.like)} (any order ${percent(any.like)}), clicks ${percent(ranked.click)} (${percent(any.click)})`;

export const tellFreshness = (status: ModelStatus | undefined): string =>
  status?.freshness === undefined
    ? 'nothing learned yet'
    : `freshness p50 ${status.freshness.p50Seconds.toFixed(1)} s, p95 ${status.freshness.p95Seconds.toFixed(1)} s`;

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
