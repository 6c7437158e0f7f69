import type { FeatureBatch } from '../../src/features/index.js';
import { verifyAgreement, type AgreementOptions } from '../fit/index.js';
import type { Candidate, Contender } from './gate.js';
import type { GateLimits } from './gate-heads.js';
import type { GateCheck, JudgedRows } from './types.js';

export interface FiniteOptions {
  readonly weights: Candidate['weights'];
  readonly tasks: readonly string[];
  readonly newest: JudgedRows;
}

/** Every weight and what the learner lately predicted is a number. */
export const checkFinite = ({ weights, tasks, newest }: FiniteOptions): GateCheck => {
  const wrong: string[] = [];
  let values = 0;
  for (const [name, array] of weights) {
    values += array.length;
    const count = array.reduce((sum, value) => sum + (Number.isFinite(value) ? 0 : 1), 0);
    if (count > 0) wrong.push(`${count} of ${array.length} values of ${name}`);
  }
  tasks.forEach((task, index) => {
    let count = 0;
    for (let at = index; at < newest.predicted.length; at += tasks.length)
      if (!Number.isFinite(newest.predicted[at])) count++;
    if (count > 0) wrong.push(`${count} of the last ${newest.batch.rows} predictions of ${task}`);
  });
  return {
    name: 'finite',
    passed: wrong.length === 0,
    message:
      wrong.length === 0
        ? `all ${values.toLocaleString('en-US')} weights are finite`
        : `not finite: ${wrong.join('; ')}`,
  };
};

/** What will serve says the same of the golden rows as what was trained: to 1e-5, or near it where it is rounded. */
export const checkGolden = async (options: AgreementOptions): Promise<GateCheck> => {
  const { rows } = options.golden.batch;
  try {
    await verifyAgreement(options);
    return { name: 'golden', passed: true, message: `${rows} golden rows are scored as by the trainer` };
  } catch (error) {
    // Whatever keeps a graph from scoring keeps it from serving.
    return { name: 'golden', passed: false, message: error instanceof Error ? error.message : String(error) };
  }
};

export interface LatencyOptions {
  readonly candidate: Contender;
  readonly active: Contender;
  readonly batch: FeatureBatch;
  readonly limits: GateLimits;
  readonly now: () => number;
}

const fewestRounds = 2;
const mostRounds = 6;
/** Below this nobody waits, and a factor would measure the machine's noise. */
const floorMs = 10;

/**
 * Scoring the golden rows takes no longer than the active version takes, times the limit. Both are timed in turns and the
 * fastest of each counts: what else the machine does makes a turn slower, never faster. A slow candidate gets more turns.
 */
export const checkLatency = async ({ candidate, active, batch, limits, now }: LatencyOptions): Promise<GateCheck> => {
  const timed = async (contender: Contender): Promise<number> => {
    const start = now();
    await contender.score(batch);
    return now() - start;
  };
  let [took, usual] = [Infinity, Infinity];
  const most = (): number => Math.max(floorMs, limits.latency * usual);
  for (let round = 0; round < mostRounds && (round < fewestRounds || took > most()); round++) {
    usual = Math.min(usual, await timed(active));
    took = Math.min(took, await timed(candidate));
  }
  return {
    name: 'latency',
    passed: took <= most(),
    message: `${batch.rows} golden rows take ${took.toFixed(1)} ms, the active version ${usual.toFixed(1)} ms; allowed ${most().toFixed(1)} ms`,
  };
};
