import type { Problem } from '../errors.js';
import { nameHint } from '../nearest.js';
import { pointer, type Testers } from './payload.js';
import type { PlannedExperiment } from './types.js';

/** What a tester gets whatever the rules say. */
export interface Override {
  readonly arms: Readonly<Record<string, string>>;
  /** By feature. */
  readonly values: Map<string, unknown>;
}

export const overridesOf = (testers: Testers, experiments: readonly PlannedExperiment[]): Map<string, Override> => {
  const overrides = new Map<string, Override>();
  for (const [user, wanted] of Object.entries(testers)) {
    const arms: Record<string, string> = {};
    const values = new Map<string, unknown>();
    for (const [key, wantedArm] of Object.entries(wanted)) {
      const experiment = experiments.find((each) => each.key === key);
      const arm = experiment?.arms.find((each) => each.key === wantedArm);
      if (experiment === undefined || arm === undefined || !experiment.active) continue;
      // Of two experiments of one feature only one can apply: the last that is named.
      for (const other of experiments)
        if (other.feature === experiment.feature) Reflect.deleteProperty(arms, other.key);
      arms[key] = arm.key;
      values.set(experiment.feature, arm.value);
    }
    if (values.size > 0) overrides.set(user, { arms, values });
  }
  return overrides;
};

/**
 * Testers of what is not there: told, not refused, so that an experiment can be ended without a look at its testers.
 */
export const testerNotes = (testers: Testers, experiments: readonly PlannedExperiment[]): Problem[] =>
  Object.entries(testers).flatMap(([user, wanted]) =>
    Object.entries(wanted).flatMap(([key, wantedArm]): Problem[] => {
      const path = pointer('testers', user, key);
      const experiment = experiments.find((each) => each.key === key);
      if (experiment === undefined) {
        const hint = nameHint(
          key,
          experiments.map((each) => each.key),
        );
        return [{ path, message: `there is no experiment "${key}"`, hint }];
      }
      const known = experiment.arms.map((arm) => arm.key);
      if (!known.includes(wantedArm))
        return [{ path, message: `${key} has no arm "${wantedArm}"`, hint: nameHint(wantedArm, known) }];
      return experiment.active ? [] : [{ path, message: `${key} is switched off, for testers too` }];
    }),
  );
