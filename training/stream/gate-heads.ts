import type { RankerDefinition, StreamSettings } from '../../src/definition/index.js';
import { areaDifference, areaUnderCurve, calibrationRatio, Z95 } from '../metrics/index.js';
import { taskColumn } from './measures.js';
import type { GateCheck, JudgedRows } from './types.js';

export type GateLimits = StreamSettings['gate'];

/** Two opinions on the same rows, [rows, tasks], NaN where there is none. */
export interface Opinions {
  readonly labels: Float32Array;
  readonly candidate: Float32Array;
  /** What it is held against. */
  readonly reference: Float32Array;
}

/** One task's rows on which both have an opinion and the label is known. */
export interface Pair {
  readonly task: string;
  readonly kind: 'binary' | 'regression';
  readonly labels: Float64Array;
  readonly candidate: Float64Array;
  readonly reference: Float64Array;
}

export const pairsOf = (definition: RankerDefinition, { labels, candidate, reference }: Opinions): Pair[] => {
  const both = labels.map((label, at) =>
    Number.isNaN(candidate[at]) || Number.isNaN(reference[at]) ? Number.NaN : label,
  );
  const names = Object.entries(definition.tasks);
  return names.map(([name, { kind }], task) => {
    const column = taskColumn({ heads: candidate, labels: both }, { task, tasks: names.length });
    const other = taskColumn({ heads: reference, labels: both }, { task, tasks: names.length });
    return { task: name, kind, labels: column.labels, candidate: column.heads, reference: other.heads };
  });
};

/** A finding on one head: text for people, and whether it is beyond what is allowed. */
export interface Finding {
  readonly text: string;
  readonly refused: boolean;
}

/**
 * A difference that is refused is this many standard deviations from none: with a few heads and a judgement every few
 * seconds, chance alone often gets to two.
 */
export const sureDeviations = 3;

/** Loss of AUC beyond the limit, and beyond what chance does to both alike (paired DeLong). */
export const aucFindings = (pairs: readonly Pair[], limit: number): Finding[] =>
  pairs
    .filter(({ kind }) => kind === 'binary')
    .map(({ task, labels, candidate, reference }) => {
      const { value: drop, halfWidth } = areaDifference({ scores: reference, others: candidate }, labels);
      if (Number.isNaN(drop)) return { text: `${task}: only one class among ${labels.length} rows`, refused: false };
      const sure = drop > (sureDeviations / Z95) * halfWidth;
      const chance = drop > limit && !sure ? ', which may be chance: too few rows to tell' : '';
      return {
        text: `${task} ${aucOf(candidate, labels)}, ${drop > 0 ? 'lower' : 'higher'} by ${Math.abs(drop).toFixed(4)} ±${halfWidth.toFixed(4)}${chance}`,
        refused: drop > limit && sure,
      };
    });

const aucOf = (scores: Float64Array, labels: Float64Array): string => areaUnderCurve(scores, labels).value.toFixed(4);

/** Fewer outcomes than this say little about a mean. */
export const fewOutcomes = 30;

/** |ln(mean prediction / mean label)| beyond the reference's by more than the limit. */
export const calibrationFindings = (pairs: readonly Pair[], limit: number): Finding[] =>
  pairs.map(({ task, labels, candidate, reference }) => {
    const outcomes = labels.reduce((sum, label) => sum + (label > 0 ? 1 : 0), 0);
    if (outcomes < fewOutcomes) return { text: `${task}: only ${outcomes} outcomes`, refused: false };
    const [own, usual] = [calibrationRatio(candidate, labels), calibrationRatio(reference, labels)];
    return {
      text: `${task} predicts ${own.toFixed(3)} times what comes, the reference ${usual.toFixed(3)}`,
      refused: distance(own) - distance(usual) > limit,
    };
  });

/** 0 = calibrated. A ratio that is no positive number is as far off as can be. */
const distance = (ratio: number): number => (ratio > 0 ? Math.abs(Math.log(ratio)) : Infinity);

/** A check of findings: refused if one is; all of them are told. */
export const checkOf = (
  name: GateCheck['name'],
  { findings, allowed }: { readonly findings: readonly Finding[]; readonly allowed: string },
): GateCheck => {
  const refused = findings.filter((finding) => finding.refused);
  const told = refused.length > 0 ? refused : findings;
  const text = told.map((finding) => finding.text).join('; ');
  return { name, passed: refused.length === 0, message: `${text === '' ? 'nothing to compare' : text} (${allowed})` };
};

/** A check that could not be made. */
export const untold = (name: GateCheck['name'], why: string): GateCheck => ({ name, passed: true, message: why });

export interface HeadCheckOptions {
  readonly definition: RankerDefinition;
  readonly rows: JudgedRows;
  readonly limits: GateLimits;
}

/** What the learner predicted before it learned, against what was served for the same rows. */
export const checkNewest = ({
  definition,
  rows,
  limits,
  served,
}: HeadCheckOptions & { readonly served: Float32Array }): readonly [auc: GateCheck, calibration: GateCheck] => {
  const pairs = pairsOf(definition, { labels: rows.labels, candidate: rows.predicted, reference: served });
  return [
    checkOf('auc', {
      findings: aucFindings(pairs, limits.aucDrop),
      allowed: `against what was served, on the newest ${rows.batch.rows} rows; allowed loss ${limits.aucDrop}`,
    }),
    checkOf('calibration', {
      findings: calibrationFindings(pairs, limits.calibration),
      allowed: `allowed ${limits.calibration} further off, as |ln|`,
    }),
  ];
};

/**
 * On older rows the candidate is no worse than the active version, nor than what was predicted of them before they were
 * learned. The second does not move with the active version: harm that comes in many small steps shows there.
 */
export const checkAnchor = ({
  definition,
  rows,
  limits,
  candidate,
  active,
}: HeadCheckOptions & { readonly candidate: Float32Array; readonly active: Float32Array }): GateCheck => {
  const against = (reference: Float32Array, whom: string): Finding[] =>
    aucFindings(pairsOf(definition, { labels: rows.labels, candidate, reference }), limits.aucDrop).map((finding) => ({
      ...finding,
      text: `${finding.text} than ${whom}`,
    }));
  return checkOf('anchor', {
    findings: [...against(active, 'the active version'), ...against(rows.predicted, 'what was predicted then')],
    allowed: `on ${rows.batch.rows} older rows; allowed loss ${limits.aucDrop}`,
  });
};
