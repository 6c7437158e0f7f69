import type { Problem } from '../errors.js';
import type { ReadExperiment } from './rule.js';
import type { Range } from './split.js';

/** What must not change while a phase of an experiment runs. Texts, so that it can be kept and compared. */
export interface Began {
  readonly parts: Readonly<Record<string, string>>;
  readonly ranges: readonly Range[];
}

/** By experiment, by phase: as it ran last. A phase that was ended may run again, as it was. */
export type Begun = Readonly<Record<string, Readonly<Record<string, Began>>>>;

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );

const beganOf = ({ planned, ranges, seed, hashVersion, aim }: ReadExperiment): Began => ({
  parts: {
    arms: canonical(planned.arms.map(({ key }) => key)),
    'what the arms set': canonical(planned.arms.map(({ settings }) => settings ?? null)),
    seed,
    hashVersion: String(hashVersion),
    layer: canonical(planned.layers),
    targeting: canonical(aim),
  },
  ranges,
});

const same = (a: number, b: number): boolean => Math.abs(a - b) < 1e-9;

/** What differs, in words. More coverage is no difference: an arm keeps its users and gets more. */
const differences = (before: Began, now: Began): string[] => {
  const parts = Object.keys(before.parts).filter((part) => before.parts[part] !== now.parts[part]);
  if (before.ranges.length !== now.ranges.length) return [...parts, 'the split'];
  const moved = before.ranges.some(([start], arm) => !same(start, now.ranges[arm]?.[0] ?? NaN));
  const shrunk = before.ranges.some(([, end], arm) => (now.ranges[arm]?.[1] ?? 0) < end - 1e-9);
  if (moved) return [...parts, 'the split'];
  return shrunk ? [...parts, 'coverage (it fell)'] : parts;
};

/**
 * An experiment whose users would move, or whose arms would do something else, in the middle of a phase: what was measured
 * before and after would be mixed. Switching it off is always allowed.
 */
export const changeProblems = (experiments: readonly ReadExperiment[], begun: Begun): Problem[] =>
  experiments.flatMap((experiment): Problem[] => {
    const { key, phase, active } = experiment.planned;
    const before = begun[key]?.[phase];
    if (!active || before === undefined) return [];
    const changed = differences(before, beganOf(experiment));
    if (changed.length === 0) return [];
    return [
      {
        path: experiment.at,
        message: `${key} runs in phase ${phase}, and this changes ${changed.join(', ')}`,
        hint: `give it another "phase" (and another "seed", to draw the arms anew), or put it back; coverage may rise, and "active": false ends it`,
      },
    ];
  });

/** What has begun, with these. */
export const begunWith = (begun: Begun, experiments: readonly ReadExperiment[]): Begun => {
  const next: Record<string, Record<string, Began>> = Object.fromEntries(
    Object.entries(begun).map(([key, phases]) => [key, { ...phases }]),
  );
  for (const experiment of experiments) {
    const { key, phase, active } = experiment.planned;
    if (active) (next[key] ??= {})[phase] = beganOf(experiment);
  }
  return next;
};
