import type { Problem } from '../errors.js';
import { nameHint, nearestName } from '../nearest.js';

type Json = Readonly<Record<string, unknown>>;

/** A rule of a feature in GrowthBook’s format, as far as it is JSON: what is in it is checked where it is read. */
export type RawRule = Json;

export interface RawFeature {
  readonly name: string;
  /** True if its values are settings of ours; false for what those features depend on, such as a holdout. */
  readonly sets: boolean;
  readonly defaultValue: unknown;
  readonly rules: readonly RawRule[];
}

/** By user id, by experiment: the arm that somebody is put into by hand. */
export type Testers = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The part of a payload that concerns this service. */
export interface Payload {
  readonly features: readonly RawFeature[];
  readonly savedGroups: Json;
  readonly testers: Testers;
}

/** What is found on the way: problems refuse the whole, notes only tell. */
export interface Findings {
  readonly problems: Problem[];
  readonly notes: Problem[];
}

/** Features of this name, or that begin with it and a sign such as a dot, are ours; a company’s others are none of our business. */
const prefix = 'watchnext';
const isOurs = (feature: string): boolean => new RegExp(`^${prefix}($|[^a-z0-9])`, 'i').test(feature);

const topKeys = ['features', 'testers', 'savedGroups', 'status', 'dateUpdated', 'experiments', 'description'];
const featureKeys = ['defaultValue', 'rules', 'description', 'project', 'metadata', 'tags'];
const ruleKeys = [
  ...['id', 'key', 'name', 'description', 'phase', 'active', 'condition', 'parentConditions', 'force', 'variations'],
  ...['weights', 'coverage', 'namespace', 'filters', 'ranges', 'range', 'seed', 'hashVersion', 'hashAttribute', 'meta'],
  ...['fallbackAttribute', 'disableStickyBucketing', 'bucketVersion', 'minBucketVersion'],
];

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A JSON pointer of these parts. */
export const pointer = (...parts: readonly (string | number)[]): string =>
  parts.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** GrowthBook ignores keys that it does not know, and adds some: what looks like a slip is refused, the rest is noted. */
const checkKeys = (value: Json, allowed: readonly string[], at: string, { problems, notes }: Findings): void => {
  for (const key of Object.keys(value)) {
    if (allowed.includes(key) || key.startsWith('$')) continue;
    const slip = nearestName(key, allowed) !== undefined;
    const found = { path: at + pointer(key), message: `unknown key "${key}"`, hint: nameHint(key, allowed) };
    if (slip) problems.push(found);
    else notes.push({ path: found.path, message: `"${key}" is not used here` });
  }
};

/**
 * A payload of GrowthBook’s format: `{features, savedGroups?}`, and `testers` beside them. Answers what could be read of it,
 * for further checks; with problems in `findings` none of it may apply.
 */
export const readPayload = (value: unknown, findings: Findings): Payload => {
  const { problems, notes } = findings;
  const nothing: Payload = { features: [], savedGroups: {}, testers: {} };
  if (!isObject(value)) {
    problems.push({ path: '', message: 'must be an object', hint: 'start with {"features": {}}' });
    return nothing;
  }
  const encrypted = Object.keys(value).filter((key) => key.startsWith('encrypted'));
  for (const key of encrypted)
    problems.push({
      path: pointer(key),
      message: 'is encrypted, which is not supported',
      hint: 'in GrowthBook, switch off “Encrypt SDK payload” for this SDK connection: the payload never leaves your servers',
    });
  checkKeys(without(value, encrypted), topKeys, '', findings);
  const { features, savedGroups = {}, testers = {} } = value;
  if (!isObject(savedGroups)) problems.push({ path: pointer('savedGroups'), message: 'must be an object' });
  if (!isObject(features)) {
    if (encrypted.length === 0)
      problems.push({
        path: pointer('features'),
        message: features === undefined ? 'is missing' : 'must be an object of features by name',
        hint: 'for no experiments at all write {"features": {}}',
      });
    return nothing;
  }
  const read = readFeatures(features, findings);
  const others = Object.keys(features).filter((name) => !read.some((feature) => feature.name === name));
  if (others.length > 0)
    notes.push({
      path: pointer('features'),
      message: `${others.length} feature(s) are not for this service: ${listed(others)}`,
      hint: `those whose name begins with "${prefix}." are`,
    });
  return {
    features: read,
    savedGroups: isObject(savedGroups) ? savedGroups : {},
    testers: readTesters(testers, findings),
  };
};

const without = (value: Json, keys: readonly string[]): Json =>
  Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));

const listed = (names: readonly string[]): string =>
  names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`;

/** Ours, and what those depend on, however deep. */
const readFeatures = (features: Json, findings: Findings): RawFeature[] => {
  const read = new Map<string, Omit<RawFeature, 'sets'>>();
  const waiting = Object.keys(features).filter(isOurs);
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    if (read.has(name)) continue;
    const feature = readFeature(name, features[name], findings);
    read.set(name, feature);
    feature.rules.forEach((rule, index) => {
      for (const parent of prerequisitesOf(rule)) {
        if (Object.hasOwn(features, parent)) waiting.push(parent);
        else
          findings.problems.push({
            path: pointer('features', feature.name, 'rules', index, 'parentConditions'),
            message: `there is no feature "${parent}"`,
            hint: nameHint(parent, Object.keys(features)),
          });
      }
    });
  }
  const needed = new Set([...read.values()].flatMap(({ rules }) => rules.flatMap(prerequisitesOf)));
  return [...read.values()].map((feature) => ({
    ...feature,
    sets: isOurs(feature.name) && (!needed.has(feature.name) || valuesOf(feature).some(isObject)),
  }));
};

const valuesOf = ({ defaultValue, rules }: Pick<RawFeature, 'defaultValue' | 'rules'>): unknown[] => [
  defaultValue,
  ...rules.flatMap(({ force, variations }) => [force, ...(Array.isArray(variations) ? (variations as unknown[]) : [])]),
];

const prerequisitesOf = ({ parentConditions }: RawRule): string[] =>
  Array.isArray(parentConditions)
    ? parentConditions.flatMap((each: unknown) =>
        isObject(each) && typeof each['id'] === 'string' ? [each['id']] : [],
      )
    : [];

const readFeature = (name: string, value: unknown, findings: Findings): Omit<RawFeature, 'sets'> => {
  const at = pointer('features', name);
  const nothing = { name, defaultValue: undefined, rules: [] };
  if (!isObject(value)) {
    findings.problems.push({ path: at, message: 'must be an object with defaultValue and rules' });
    return nothing;
  }
  checkKeys(value, featureKeys, at, findings);
  const { defaultValue, rules = [] } = value;
  if (!Array.isArray(rules)) {
    findings.problems.push({ path: `${at}/rules`, message: 'must be a list' });
    return { ...nothing, defaultValue };
  }
  rules.forEach((rule: unknown, index) => {
    if (isObject(rule)) checkKeys(rule, ruleKeys, `${at}/rules/${index}`, findings);
    else findings.problems.push({ path: `${at}/rules/${index}`, message: 'must be an object' });
  });
  return { name, defaultValue, rules: rules.map((rule: unknown) => (isObject(rule) ? rule : {})) };
};

/** `{userId: {experiment: arm}}`. */
export const readTesters = (value: unknown, { problems }: Findings, at = pointer('testers')): Testers => {
  const hint = 'write {"testers": {"user id": {"experiment": "arm"}}}';
  if (!isObject(value)) {
    problems.push({ path: at, message: 'must be an object', hint });
    return {};
  }
  const read: Record<string, Record<string, string>> = {};
  for (const [user, arms] of Object.entries(value)) {
    if (isObject(arms) && Object.values(arms).every((arm) => typeof arm === 'string'))
      read[user] = arms as Record<string, string>;
    else problems.push({ path: at + pointer(user), message: 'must name an arm for each experiment', hint });
  }
  return read;
};
