import { pointer, isObject, type Findings } from './payload.js';
import type { LayerPart } from './types.js';

/** A part of the hashed users: from (with) and to (without), 0 to 1. */
export type Range = readonly [number, number];

/** Thirds are written as 0.3333. */
const tolerance = 0.001;

/**
 * Where each arm lies among the hashed users, as GrowthBook computes it: arm i begins where the weights before it end, and
 * covers `coverage` of its own weight. So more coverage only adds users to arms, and changed weights move users between them.
 */
export const readRanges = (
  rule: Readonly<Record<string, unknown>>,
  arms: number,
  at: string,
  findings: Findings,
): Range[] => {
  const { ranges, weights = Array.from({ length: arms }, () => 1 / arms), coverage = 1 } = rule;
  if (ranges !== undefined) return readOwnRanges(ranges, arms, `${at}/ranges`, findings);
  const { problems } = findings;
  if (!isShare(coverage))
    problems.push({
      path: `${at}/coverage`,
      message: `${JSON.stringify(coverage)} is not allowed`,
      hint: 'a share of users from 0 to 1',
    });
  if (!Array.isArray(weights) || !weights.every((weight) => isShare(weight)) || weights.length !== arms) {
    const percent = Array.isArray(weights) && weights.length === arms;
    problems.push({
      path: `${at}/weights`,
      message: percent
        ? `${JSON.stringify(weights)} are not shares from 0 to 1`
        : `must be ${arms} shares, one for each variation`,
      hint: 'such as [0.5, 0.5]; left out, all arms are of one size',
    });
    return [];
  }
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (Math.abs(sum - 1) > tolerance) {
    const message = sum > 1 ? `sum to ${show(sum)}, more than the whole` : `sum to ${show(sum)}, less than the whole`;
    problems.push({
      path: `${at}/weights`,
      message,
      hint: 'they must sum to 1; with "coverage" fewer users take part',
    });
  }
  let end = 0;
  return weights.map((weight): Range => {
    const start = end;
    end += weight;
    return [start, start + weight * (isShare(coverage) ? coverage : 1)];
  });
};

const show = (value: number): string => String(Number(value.toFixed(4)));
const isShare = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 1;
const isRange = (value: unknown): value is Range =>
  Array.isArray(value) && value.length === 2 && value.every(isShare) && Number(value[0]) <= Number(value[1]);

const readOwnRanges = (value: unknown, arms: number, at: string, { problems }: Findings): Range[] => {
  if (!Array.isArray(value) || value.length !== arms || !value.every(isRange)) {
    problems.push({
      path: at,
      message: `must be ${arms} ranges, one for each variation`,
      hint: 'such as [[0, 0.5], [0.5, 1]]',
    });
    return [];
  }
  const overlap = firstOverlap(value);
  if (overlap !== undefined)
    problems.push({
      path: at,
      message: `${JSON.stringify(overlap[0])} and ${JSON.stringify(overlap[1])} overlap`,
      hint: 'a user falls into one arm',
    });
  return value;
};

const overlaps = (a: Range, b: Range): boolean => a[0] < b[1] && b[0] < a[1];
const firstOverlap = (ranges: readonly Range[]): readonly [Range, Range] | undefined => {
  for (const [index, range] of ranges.entries())
    for (const other of ranges.slice(index + 1)) if (overlaps(range, other)) return [range, other];
  return undefined;
};

/** The parts of layers that a rule is limited to: GrowthBook’s namespace, or its filters, which take the namespace’s place. */
export const readLayers = (
  rule: Readonly<Record<string, unknown>>,
  at: string,
  { problems }: Findings,
): LayerPart[] => {
  const { namespace, filters } = rule;
  if (filters !== undefined) {
    if (!Array.isArray(filters)) {
      problems.push({ path: `${at}/filters`, message: 'must be a list' });
      return [];
    }
    return filters.flatMap((filter: unknown, index): LayerPart[] => {
      if (isObject(filter)) {
        const { seed, ranges, attribute, hashVersion = 2 } = filter;
        const usable = typeof seed === 'string' && Array.isArray(ranges) && ranges.every(isRange);
        if (usable && (hashVersion === 1 || hashVersion === 2) && isUserAttribute(attribute))
          return [{ kind: 'filter', layer: hashVersion === 1 ? `${seed} (hash 1)` : seed, ranges }];
      }
      problems.push({
        path: at + pointer('filters', index),
        message: 'must be {seed, ranges} and hash the user',
        hint: 'such as {"seed": "layer", "ranges": [[0, 0.2], [0.6, 0.8]], "hashVersion": 2, "attribute": "id"}',
      });
      return [];
    });
  }
  if (namespace === undefined) return [];
  const [layer, ...range] = Array.isArray(namespace) ? (namespace as unknown[]) : [];
  if (typeof layer === 'string' && layer !== '' && isRange(range) && range[0] < range[1])
    return [{ kind: 'namespace', layer, ranges: [range] }];
  problems.push({
    path: `${at}/namespace`,
    message: `${JSON.stringify(namespace)} is not allowed`,
    hint: 'a layer and the part of it from 0 to 1, such as ["ranking", 0, 0.5]',
  });
  return [];
};

/** What may be hashed: assignment is by user, so that one user is in one arm in every request. */
export const userAttributes = ['id', 'user_id', 'userId'];
export const isUserAttribute = (value: unknown): boolean =>
  value === undefined || userAttributes.includes(value as string);

/** Whether nobody can be in both: some layer has them in parts that do not touch. */
export const areApart = (a: readonly LayerPart[], b: readonly LayerPart[]): boolean =>
  a.some((part) => b.some((other) => sameLayer(part, other) && !partsOverlap(part, other)));

/** A layer in which two rules may both have a user, though a layer is there to keep them apart; undefined if there is none. */
export const sharedLayer = (a: readonly LayerPart[], b: readonly LayerPart[]): LayerPart | undefined =>
  a.find((part) =>
    b.some((other) => sameLayer(part, other) && partsOverlap(part, other) && !isCommonFilter(part, other)),
  );

const sameLayer = (a: LayerPart, b: LayerPart): boolean => a.kind === b.kind && a.layer === b.layer;
const partsOverlap = (a: LayerPart, b: LayerPart): boolean =>
  a.ranges.some((range) => b.ranges.some((other) => overlaps(range, other)));
/** Several rules behind one and the same filter: that is how a share of users is kept out of all of them. */
const isCommonFilter = (a: LayerPart, b: LayerPart): boolean =>
  a.kind === 'filter' && JSON.stringify(a.ranges) === JSON.stringify(b.ranges);
