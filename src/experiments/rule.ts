import { checkCondition } from './conditions.js';
import { isObject, pointer, type Findings, type RawFeature, type RawRule } from './payload.js';
import { isUserAttribute, readLayers, readRanges, userAttributes, type Range } from './split.js';
import { armNotes, armProblems, thingsOf } from './settings-check.js';
import type { ArmCatalogue, ArmSettings, LayerPart, PlannedExperiment } from './types.js';

/** An experiment with where its arms lie among the hashed users, and what else decides who is in which. */
export interface ReadExperiment {
  readonly planned: PlannedExperiment;
  /** Where it stands in the payload. */
  readonly at: string;
  readonly ranges: readonly Range[];
  readonly seed: string;
  readonly hashVersion: number;
  /** Conditions and prerequisites as they are written. */
  readonly aim: unknown;
}

/** Something that sets things for users: the default of a feature, a forced value, an experiment. */
export interface Setter {
  readonly feature: string;
  readonly at: string;
  /** For people. */
  readonly called: string;
  readonly layers: readonly LayerPart[];
  readonly things: ReadonlySet<string>;
  /** What one or the other user gets of it. */
  readonly values: readonly ArmSettings[];
}

export interface ReadContext {
  readonly savedGroups: Readonly<Record<string, unknown>>;
  readonly catalogue: ArmCatalogue | undefined;
  readonly findings: Findings;
}

export interface ReadFeature {
  readonly experiments: readonly ReadExperiment[];
  readonly setters: readonly Setter[];
}

/** The experiments of a feature, and what it sets; everything that is wrong with its rules is among the findings. */
export const readRules = (feature: RawFeature, context: ReadContext): ReadFeature => {
  const { name, sets, defaultValue, rules } = feature;
  const at = pointer('features', name);
  const experiments: ReadExperiment[] = [];
  const setters: Setter[] = [];
  const add = (where: string, called: string, layers: readonly LayerPart[], values: readonly unknown[]): void => {
    const settings = values.filter(isObject);
    const things = new Set(settings.flatMap(thingsOf));
    if (sets && things.size > 0) setters.push({ feature: name, at: where, called, layers, things, values: settings });
  };
  if (sets) checkValue(defaultValue, `${at}/defaultValue`, context);
  add(`${at}/defaultValue`, `the default of ${name}`, [], [defaultValue]);
  rules.forEach((rule, index) => {
    const here = `${at}/rules/${index}`;
    checkAim(rule, here, context);
    if ('force' in rule) {
      if (sets) checkValue(rule['force'], `${here}/force`, context);
      checkRollout(rule, here, context);
      const layers = readLayers({ filters: rule['filters'] }, here, context.findings);
      if (rule['active'] !== false) add(`${here}/force`, `a forced value of ${name}`, layers, [rule['force']]);
      return;
    }
    const read = readExperiment({ feature, rule, at: here, context });
    if (read === undefined) return;
    experiments.push(read);
    const { key, layers, arms, active } = read.planned;
    if (active)
      add(
        here,
        `experiment ${key}`,
        layers,
        arms.map(({ settings }) => settings),
      );
  });
  return { experiments, setters };
};

/** A value that leaves everything as it is may be written as null, GrowthBook's value of a feature without default. */
const checkValue = (value: unknown, at: string, { catalogue, findings }: ReadContext): void => {
  if (value === undefined || value === null) return;
  findings.problems.push(...armProblems(value, at, catalogue));
  findings.notes.push(...armNotes(value, at, catalogue));
};

const checkAim = (rule: RawRule, at: string, { savedGroups, findings }: ReadContext): void => {
  const { condition, parentConditions, hashAttribute, hashVersion, active } = rule;
  const { problems } = findings;
  if (condition !== undefined) checkCondition(condition, `${at}/condition`, savedGroups, findings);
  if (parentConditions !== undefined && !Array.isArray(parentConditions))
    problems.push({ path: `${at}/parentConditions`, message: 'must be a list' });
  else
    parentConditions?.forEach((parent: unknown, index) => {
      const path = `${at}/parentConditions/${index}`;
      if (!isObject(parent) || typeof parent['id'] !== 'string')
        problems.push({
          path,
          message: 'must name a feature',
          hint: 'such as {"id": "holdout", "condition": {"value": "open"}}',
        });
      else checkCondition(parent['condition'] ?? {}, `${path}/condition`, savedGroups, findings);
    });
  if (!isUserAttribute(hashAttribute))
    problems.push({
      path: `${at}/hashAttribute`,
      message: `${JSON.stringify(hashAttribute)} is not the user`,
      hint: `assignment is by user: one of ${userAttributes.join(', ')}, or leave it out`,
    });
  if (hashVersion !== undefined && hashVersion !== 1 && hashVersion !== 2)
    problems.push({
      path: `${at}/hashVersion`,
      message: `${JSON.stringify(hashVersion)} is not allowed`,
      hint: '2, or 1 for experiments that began with it',
    });
  if (active !== undefined && typeof active !== 'boolean')
    problems.push({ path: `${at}/active`, message: 'must be true or false' });
};

const checkRollout = (rule: RawRule, at: string, { findings }: ReadContext): void => {
  const { coverage } = rule;
  for (const key of ['namespace', 'variations', 'weights', 'ranges'])
    if (key in rule)
      findings.notes.push({
        path: `${at}/${key}`,
        message: `"${key}" has no effect beside "force"`,
        hint: 'a forced value is limited by condition, coverage and filters',
      });
  if (coverage !== undefined && !(typeof coverage === 'number' && coverage >= 0 && coverage <= 1))
    findings.problems.push({
      path: `${at}/coverage`,
      message: `${JSON.stringify(coverage)} is not allowed`,
      hint: 'a share of users from 0 to 1',
    });
};

const readExperiment = (options: {
  readonly feature: RawFeature;
  readonly rule: RawRule;
  readonly at: string;
  readonly context: ReadContext;
}): ReadExperiment | undefined => {
  const { feature, rule, at, context } = options;
  const { findings } = context;
  const { problems, notes } = findings;
  const { variations, key = feature.name, name, seed = key, hashVersion = 1, phase = '0', active = true } = rule;
  if (!Array.isArray(variations)) {
    const hint =
      'contextualVariations' in rule
        ? 'contextual bandits change the split all the time: use an experiment'
        : 'write "force" for everybody, or "variations" for an experiment';
    problems.push({ path: at, message: 'has neither force nor variations', hint });
    return undefined;
  }
  if (variations.length < 2) problems.push({ path: `${at}/variations`, message: 'must be two or more' });
  checkName(key, `${at}/key`, findings);
  if (typeof seed !== 'string' || seed === '') problems.push({ path: `${at}/seed`, message: 'must be a text' });
  if (typeof phase !== 'string' && !Number.isSafeInteger(phase))
    problems.push({ path: `${at}/phase`, message: 'must be a text or a whole number' });
  if (hashVersion === 1 && !('hashVersion' in rule))
    notes.push({
      path: at,
      message: 'has no "hashVersion": GrowthBook then splits by its first, coarser hash',
      hint: 'write "hashVersion": 2 in a new experiment',
    });
  const keys = armKeys(rule, variations.length, at, findings);
  if (feature.sets)
    variations.forEach((value: unknown, index) => checkValue(value, `${at}/variations/${index}`, context));
  const layers = readLayers(rule, at, findings);
  const ranges = readRanges(rule, variations.length, at, findings);
  const widths = ranges.map(([from, to]) => to - from);
  const coverage = widths.reduce((sum, width) => sum + width, 0);
  const planned: PlannedExperiment = {
    key: textOf(key),
    ...(typeof name === 'string' && { name }),
    feature: feature.name,
    phase: textOf(phase),
    arms: keys.map((arm, index) => ({
      ...arm,
      share: coverage > 0 ? (widths[index] ?? 0) / coverage : plannedShare(rule, index, keys.length),
      settings: feature.sets ? (isObject(variations[index]) ? (variations[index] as ArmSettings) : {}) : undefined,
      value: variations[index] as unknown,
    })),
    coverage,
    layers,
    targeted: rule['condition'] !== undefined || rule['parentConditions'] !== undefined,
    active: active !== false,
  };
  const aim = { condition: rule['condition'], parentConditions: rule['parentConditions'] };
  return { planned, at, ranges, seed: textOf(seed), hashVersion: hashVersion === 2 ? 2 : 1, aim };
};

/** Of what should be a text or a number, and is refused if it is not. */
const textOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '';

/** Of an experiment that nobody takes part in yet. */
const plannedShare = ({ weights }: RawRule, index: number, arms: number): number =>
  Array.isArray(weights) && typeof weights[index] === 'number' ? weights[index] : 1 / arms;

/** Reports and metrics write `experiment/arm`. */
const checkName = (name: unknown, path: string, { problems }: Findings): void => {
  if (typeof name !== 'string' || !/^[^/\s\p{Cc}]{1,200}$/u.test(name) || name === '__proto__')
    problems.push({ path, message: `${JSON.stringify(name)} is no name`, hint: 'a text without spaces and slashes' });
};

/** The arms' keys: of `meta` where it names them, else "0", "1" and so on, as GrowthBook has it. */
const armKeys = (rule: RawRule, arms: number, at: string, findings: Findings): { key: string; name?: string }[] => {
  const { meta } = rule;
  const path = `${at}/meta`;
  if (meta !== undefined && (!Array.isArray(meta) || meta.length !== arms || !meta.every(isObject))) {
    findings.problems.push({
      path,
      message: `must be ${arms} objects, one for each variation`,
      hint: 'such as [{"key": "control"}, {"key": "bolder"}]',
    });
    return Array.from({ length: arms }, (_, index) => ({ key: String(index) }));
  }
  const keys = Array.from({ length: arms }, (_, index) => {
    const { key = String(index), name } = meta?.[index] ?? {};
    checkName(key, `${path}/${index}/key`, findings);
    return { key: textOf(key), ...(typeof name === 'string' && { name }) };
  });
  const twice = keys.find(({ key }, index) => keys.findIndex((each) => each.key === key) !== index);
  if (twice !== undefined) findings.problems.push({ path, message: `two arms are called "${twice.key}"` });
  return keys;
};
