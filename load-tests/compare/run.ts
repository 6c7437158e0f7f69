import { hasFailed } from '../report/index.js';
import type { LoadOptions } from '../options.js';
import type { ScenarioName } from '../scenarios/index.js';
import { openSession, type Session } from '../session.js';
import { compareRounds, type Comparison, type Measures } from './ratios.js';

/** What can be compared: a scenario, or how much a service answers at most. */
export type Subject = ScenarioName | 'saturation';

export interface ComparedSubject {
  readonly name: Subject;
  readonly comparisons: readonly Comparison[];
  /** Of all runs. */
  readonly skipped?: string;
  /** How many runs of each side were invalid or did not hold their thresholds. */
  readonly failed: { readonly base: number; readonly here: number };
}

interface Pair {
  readonly base: Measures;
  readonly here: Measures;
}

/**
 * Base and here take turns, round after round, each with a service of its own process, the same model and the same requests at the
 * same times: rates are shares of what the base answers at most, for both.
 */
export const compareCheckouts = async (options: {
  readonly load: LoadOptions;
  readonly base: string;
  readonly names: readonly Subject[];
  readonly rounds: number;
  readonly say: (what: string) => void;
}): Promise<{ readonly saturationPerSecond: number; readonly subjects: readonly ComparedSubject[] }> => {
  const { load, base, names, rounds, say } = options;
  const labelled = (label: string) => (what: string) => say(`${label}: ${what}`);
  const baseSession = await openSession({ ...load, root: base }, { say: labelled('base') });
  let hereSession: Session | undefined;
  try {
    const saturation = await baseSession.saturation();
    hereSession = await openSession(load, { say: labelled('here'), saturation });
    const sides = { base: baseSession, here: hereSession };
    const pairs = new Map<Subject, Pair[]>(names.map((name) => [name, []]));
    const failed = new Map(names.map((name) => [name, { base: 0, here: 0 }]));
    const skipped = new Map<Subject, string>();
    const measure = async (side: 'base' | 'here', name: Subject): Promise<Measures> => {
      if (name === 'saturation') return { saturationPerSecond: await sides[side].measureSaturation() };
      const result = await sides[side].run(name, '');
      if (result.skipped !== undefined) skipped.set(name, result.skipped);
      const counts = failed.get(name);
      if (counts !== undefined && hasFailed(result)) counts[side]++;
      return result.measures;
    };
    for (let round = 1; round <= rounds; round++)
      for (const name of names) {
        say(`round ${round} of ${rounds}: ${name}`);
        const pair = { base: await measure('base', name), here: await measure('here', name) };
        pairs.get(name)?.push(pair);
      }
    return {
      saturationPerSecond: saturation,
      subjects: names.map((name) => {
        const why = skipped.get(name);
        return {
          name,
          comparisons: compareRounds(pairs.get(name) ?? []),
          ...(why !== undefined && { skipped: why }),
          failed: failed.get(name) ?? { base: 0, here: 0 },
        };
      }),
    };
  } finally {
    await Promise.allSettled([baseSession.close(), hereSession?.close()]);
  }
};
