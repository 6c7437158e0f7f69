import { generate, type Audience, type Plan } from '../generator/index.js';
import { round, summarisePhases } from '../measure/index.js';
import { answeredPerSecond, planFor, type Lab } from '../scenarios/index.js';

/** How a service does at one size. */
export interface Point {
  readonly requestsPerSecond: number;
  readonly candidatesPerSecond: number;
  /** At half of that. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
}

/** Most in a closed loop, then half of it in an open one; `urls` are asked in turn. */
export const measurePoint = async (
  lab: Lab,
  { urls, audience = {} }: { readonly urls: readonly string[]; readonly audience?: Partial<Audience> },
): Promise<Point> => {
  const { options, prepared } = lab;
  const [warmUp, closed, open] = options.quick ? [2, 2, 4] : [3, 5, 10];
  const run = (load: Plan['load']) => generate(planFor(options, prepared, { load, audience }), urls);
  const most = await run({ kind: 'closed', seconds: warmUp + closed, askers: 16 });
  const requestsPerSecond = answeredPerSecond(most, warmUp, closed);
  const rate = Math.max(0.5, requestsPerSecond / 2);
  const phases = [
    { name: 'settling', seconds: 1, rate },
    { name: 'held', seconds: open, rate },
  ];
  const held = summarisePhases(await run({ kind: 'open', phases, arrivals: options.arrivals }), phases).find(
    ({ name }) => name === 'held',
  );
  return {
    requestsPerSecond,
    candidatesPerSecond: Math.round(requestsPerSecond * (audience.candidates ?? options.candidates)),
    p50Ms: round(held?.latency.p50Ms ?? NaN, 2),
    p99Ms: round(held?.latency.p99Ms ?? NaN, 2),
    failed: held?.outcomes.failed ?? 0,
  };
};
