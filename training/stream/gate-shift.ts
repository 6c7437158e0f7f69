import type { RankerDefinition } from '../../src/definition/index.js';
import type { Column } from '../../src/features/index.js';
import { checkOf, fewOutcomes, sureDeviations, type Finding, type GateLimits } from './gate-heads.js';
import { labelScale } from './measures.js';
import type { GateCheck, JudgedRows } from './types.js';

export interface ShiftOptions {
  readonly definition: RankerDefinition;
  readonly newest: JudgedRows;
  readonly anchor: JudgedRows;
  readonly limits: GateLimits;
}

/**
 * Labels are as frequent lately as before: an abrupt change is a broken client more often than a change of taste (learning
 * stops there, as in He et al. 2014).
 */
export const checkLabels = ({ definition, newest, anchor, limits }: ShiftOptions): GateCheck => {
  const tasks = Object.entries(definition.tasks);
  const findings = tasks.flatMap(([name, { kind }], task) => {
    const known = ({ labels }: JudgedRows): number[] =>
      Array.from({ length: labels.length / tasks.length }, (_, row) => labels[row * tasks.length + task] ?? Number.NaN)
        .filter((label) => !Number.isNaN(label))
        .map(kind === 'binary' ? (label) => label : labelScale(definition, name));
    const [now, before] = [known(newest), known(anchor)];
    if (now.length < fewOutcomes || before.length < fewOutcomes) return [];
    return [kind === 'binary' ? rateShift(name, { now, before, limits }) : meanShift(name, { now, before, limits })];
  });
  return checkOf('labels', { findings, allowed: `allowed shift ${limits.labelShift}` });
};

interface Labels {
  readonly now: readonly number[];
  readonly before: readonly number[];
  readonly limits: GateLimits;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** In log-odds, half an observation of each class added; the deviation is that of a log odds ratio (Gart 1966). */
const rateShift = (task: string, { now, before, limits }: Labels): Finding => {
  const odds = (labels: readonly number[]) => {
    const positives = sum(labels) + 0.5;
    const negatives = labels.length - sum(labels) + 0.5;
    return { log: Math.log(positives / negatives), variance: 1 / positives + 1 / negatives };
  };
  const [a, b] = [odds(now), odds(before)];
  const shift = Math.abs(a.log - b.log);
  const share = (labels: readonly number[]): string => `${((100 * sum(labels)) / labels.length).toFixed(1)} %`;
  return {
    text: `${task} ${share(now)} of rows, before ${share(before)} (log-odds apart ${shift.toFixed(2)})`,
    refused: shift > limits.labelShift && shift > sureDeviations * Math.sqrt(a.variance + b.variance),
  };
};

/** In standard deviations of what came before. */
const meanShift = (task: string, { now, before, limits }: Labels): Finding => {
  const mean = (labels: readonly number[]): number => sum(labels) / labels.length;
  const centre = mean(before);
  const variance = sum(before.map((label) => (label - centre) ** 2)) / before.length;
  const shift = Math.abs(mean(now) - centre) / Math.sqrt(variance);
  const sure = (shift * Math.sqrt(now.length)) / Math.sqrt(1 + now.length / before.length);
  return {
    text: `${task} averages ${mean(now).toFixed(3)}, before ${centre.toFixed(3)} (${shift.toFixed(2)} deviations apart)`,
    refused: shift > limits.labelShift && sure > sureDeviations,
  };
};

/** A typical value this many spreads away from the usual one is no longer the same quantity. */
const mostSpreads = 10;
const fewEntries = 50;

/** Features are there as often as before, and numbers that clients send are of the size they were. */
export const checkFeatures = ({ definition, newest, anchor, limits }: ShiftOptions): GateCheck => {
  const findings = [...newest.batch.columns].flatMap(([name, now]): Finding[] => {
    const before = anchor.batch.columns.get(name);
    if (before === undefined || entriesOf(now) < fewEntries || entriesOf(before) < fewEntries) return [];
    const [missing, usual] = [missingShare(now), missingShare(before)];
    const found = [
      {
        text: `${name} is missing in ${(100 * missing).toFixed(0)} % of rows, before in ${(100 * usual).toFixed(0)} %`,
        refused: Math.abs(missing - usual) > limits.featureShift,
      },
    ];
    // What the service itself counts (rates, times) grows as it should; what clients send has no reason to.
    const kind = definition.features[name]?.kind;
    if (kind !== 'number' && kind !== 'vector') return found;
    const spreads = spreadsAway(now, before);
    return [
      ...found,
      { text: `${name} lies ${spreads.toFixed(1)} spreads from its usual value`, refused: spreads > mostSpreads },
    ];
  });
  const refused = findings.filter((finding) => finding.refused);
  const told =
    refused.length > 0 ? refused : [{ text: `${newest.batch.columns.size} features are as before`, refused: false }];
  return checkOf('features', {
    findings: findings.length === 0 ? [] : told,
    allowed: `allowed ${100 * limits.featureShift} % more or fewer missing, ${mostSpreads} spreads`,
  });
};

const entriesOf = (column: Column): number =>
  column.type === 'numbers' ? column.values.length / column.width : column.offsets.length - 1;

const missingShare = (column: Column): number => {
  const entries = entriesOf(column);
  let missing = 0;
  for (let entry = 0; entry < entries; entry++) {
    const empty =
      column.type === 'numbers'
        ? column.values.subarray(entry * column.width, (entry + 1) * column.width).every(Number.isNaN)
        : column.offsets[entry] === column.offsets[entry + 1];
    if (empty) missing++;
  }
  return missing / entries;
};

/**
 * How far the typical new value is from the usual one, in spreads from a tenth to nine tenths of the usual values. By order,
 * not by means: one absurd value changes nothing, and a feature on another scale shows even where its mean is 0.
 */
const spreadsAway = (now: Column, before: Column): number => {
  const [fresh, usual] = [sortedNumbers(now), sortedNumbers(before)];
  if (fresh.length < fewEntries || usual.length < fewEntries) return 0;
  const middle = quantile(usual, 0.5);
  const spread = Math.max(quantile(usual, 0.9) - quantile(usual, 0.1), Math.abs(middle), 1e-6);
  return quantile(fresh.map((value) => Math.abs(value - middle)).sort(), 0.5) / spread;
};

const sortedNumbers = (column: Column): Float32Array =>
  column.type === 'numbers' ? column.values.filter((value) => !Number.isNaN(value)).sort() : new Float32Array();

const quantile = (sorted: Float32Array, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
