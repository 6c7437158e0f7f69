import { streamSettings, type RankerDefinition } from '../../src/definition/index.js';
import type { Golden } from '../../src/artifact/index.js';
import type { FeatureBatch } from '../../src/features/index.js';
import type { LabelScaling } from '../fit/index.js';
import { checkAnchor, checkNewest, untold } from './gate-heads.js';
import { checkFinite, checkGolden, checkLatency } from './gate-graph.js';
import { checkFeatures, checkLabels } from './gate-shift.js';
import type { GateCheck, GateDecision, JudgedRows } from './types.js';
import type { Windows } from './windows.js';

/** A version as it serves. */
export interface Contender {
  readonly version: string;
  /** [rows, tasks] in natural units, by its serving graph and its tables. */
  score(batch: FeatureBatch): Promise<Float32Array>;
}

/** What wants to serve. */
export interface Candidate extends Contender {
  /** How its heads were scaled. */
  readonly labelScaling: LabelScaling;
  /** What it is made of, by name: dense weights, and of each table the rows that changed (or all). */
  readonly weights: Iterable<readonly [name: string, values: Float32Array]>;
}

export interface JudgeOptions {
  readonly definition: RankerDefinition;
  readonly windows: Pick<Windows, 'newest' | 'anchor'>;
  readonly candidate: Candidate;
  /** What serves now; undefined where nothing does. */
  readonly active: Contender | undefined;
  /** Rows with the trainer's own values for the candidate. */
  readonly golden: Golden;
  /** A clock in milliseconds, for the scoring time. */
  readonly now: () => number;
}

/**
 * Holds a candidate against the active version, what came lately against what came before. Every check says what was
 * measured and what is allowed; one that has too few rows to tell passes and says so.
 */
export const judge = async ({
  definition,
  windows,
  candidate,
  active,
  golden,
  now,
}: JudgeOptions): Promise<GateDecision> => {
  const limits = streamSettings(definition).gate;
  const [newest, anchor] = [windows.newest(limits.rows), windows.anchor()];
  const finite = checkFinite({ weights: candidate.weights, tasks: Object.keys(definition.tasks), newest });
  const graph = await checkGolden({
    definition,
    labelScaling: candidate.labelScaling,
    golden,
    score: (batch) => candidate.score(batch),
  });
  // What does not score as it was trained is not worth scoring more with.
  if (!graph.passed) return decisionOf([finite, graph]);

  const enough = newest.batch.rows >= limits.rows;
  const few = `${newest.batch.rows} of ${limits.rows} rows: too few to tell`;
  const young = `${anchor.batch.rows} older rows: too few to tell`;
  const old = anchor.batch.rows >= limits.rows / 2;
  const alone = 'nothing serves to compare with';

  const checks: GateCheck[] = [finite, graph];
  if (active === undefined || !enough) {
    checks.push(untold('auc', active === undefined ? alone : few));
    checks.push(untold('calibration', active === undefined ? alone : few));
  } else {
    checks.push(...checkNewest({ definition, rows: newest, limits, served: await servedOr(active, newest) }));
  }
  if (active === undefined || !old) {
    checks.push(untold('anchor', active === undefined ? alone : young));
  } else {
    const [own, other] = [await candidate.score(anchor.batch), await active.score(anchor.batch)];
    checks.push(checkAnchor({ definition, rows: anchor, limits, candidate: own, active: other }));
  }
  if (!enough || !old) {
    const why = enough ? young : few;
    checks.push(untold('labels', why), untold('features', why));
  } else {
    checks.push(checkLabels({ definition, newest, anchor, limits }));
    checks.push(checkFeatures({ definition, newest, anchor, limits }));
  }
  checks.push(
    active === undefined
      ? untold('latency', alone)
      : await checkLatency({ candidate, active, batch: golden.batch, limits, now }),
  );
  return decisionOf(checks);
};

const decisionOf = (checks: readonly GateCheck[]): GateDecision => ({
  accepted: checks.every(({ passed }) => passed),
  checks,
});

/** What was served for these rows; the active version's scores where nothing was. */
const servedOr = async (active: Contender, { batch, served }: JudgedRows): Promise<Float32Array> => {
  if (!served.some(Number.isNaN)) return served;
  const scored = await active.score(batch);
  return served.map((head, at) => (Number.isNaN(head) ? (scored[at] ?? Number.NaN) : head));
};
