import {
  latencyMs,
  outcomeOf,
  phaseBounds,
  scored,
  type Outcome,
  type Phase,
  type Recording,
} from '../generator/index.js';
import { distribution, round, summarise, type DistributionPoint, type LatencySummary } from './quantiles.js';

/** What became of the requests that were due in the phases of one name. */
export interface PhaseSummary {
  readonly name: string;
  readonly seconds: number;
  readonly requests: number;
  readonly offeredPerSecond: number;
  /** Answered with scores in this time, whenever they were due. */
  readonly okPerSecond: number;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** Of those answered with scores, from when each was due. */
  readonly latency: LatencySummary;
  readonly distribution: readonly DistributionPoint[];
}

/** Latencies in milliseconds of requests with these outcomes (with scores) that were due in the phases of this name, in order. */
export const latenciesOf = (
  recording: Recording,
  phases: readonly Phase[],
  { name, of = scored }: { readonly name: string; readonly of?: readonly Outcome[] },
): number[] =>
  requestsOf(recording, phases, name)
    .filter((request) => of.includes(outcomeOf(recording, request)))
    .map((request) => latencyMs(recording, request));

const requestsOf = ({ dueMs }: Recording, phases: readonly Phase[], name: string): number[] => {
  const bounds = phaseBounds(phases).filter((phase) => phase.name === name);
  return [...dueMs.keys()].filter((request) => {
    const due = dueMs[request] ?? NaN;
    return bounds.some(({ fromMs, untilMs }) => due >= fromMs && due < untilMs);
  });
};

export const summarisePhases = (recording: Recording, phases: readonly Phase[]): readonly PhaseSummary[] => {
  const bounds = phaseBounds(phases);
  const { endedMs } = recording;
  return [...new Set(phases.map(({ name }) => name))].map((name) => {
    const own = bounds.filter((phase) => phase.name === name);
    const seconds = own.reduce((sum, { fromMs, untilMs }) => sum + (untilMs - fromMs) / 1000, 0);
    const requests = requestsOf(recording, phases, name);
    const outcomes: Record<Outcome, number> = { ok: 0, fallback: 0, degraded: 0, refused: 0, failed: 0 };
    for (const request of requests) outcomes[outcomeOf(recording, request)]++;
    let okInTime = 0;
    endedMs.forEach((ended, request) => {
      const within = own.some(({ fromMs, untilMs }) => ended >= fromMs && ended < untilMs);
      if (within && scored.includes(outcomeOf(recording, request))) okInTime++;
    });
    const latencies = latenciesOf(recording, phases, { name });
    return {
      name,
      seconds,
      requests: requests.length,
      offeredPerSecond: round(requests.length / seconds, 1),
      okPerSecond: round(okInTime / seconds, 1),
      outcomes,
      latency: summarise(latencies),
      distribution: distribution(latencies),
    };
  });
};
