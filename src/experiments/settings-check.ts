import { explorationProblem, weightProblems } from '../definition/index.js';
import type { Problem } from '../errors.js';
import { nameHint } from '../nearest.js';
import { isObject, pointer } from './payload.js';
import type { ArmCatalogue, ArmSettings } from './types.js';

type Check = (value: unknown) => string | undefined;

const isShare: Check = (value) =>
  typeof value === 'number' && value >= 0 && value <= 1 ? undefined : 'must be a share from 0 to 1';
const oneOf =
  (...allowed: readonly string[]): Check =>
  (value) =>
    allowed.includes(value as string) ? undefined : `must be ${allowed.join(' or ')}`;
const isName: Check = (value) => (typeof value === 'string' && value !== '' ? undefined : 'must be a name');

const explorationChecks: Readonly<Record<string, Check>> = {
  share: isShare,
  temperature: (value) =>
    typeof value === 'number' && value > 0 && Number.isFinite(value) ? undefined : 'must be a number above 0',
  swaps: isShare,
};

const checks: Readonly<Record<string, Check>> = {
  ranker: isName,
  version: isName,
  weights: (value) =>
    isObject(value) && Object.values(value).every(Number.isFinite) ? undefined : 'must be a number for each head',
  form: oneOf('product', 'sum'),
  exploration: (value) => (isObject(value) ? undefined : 'must be an object with share, temperature or swaps'),
  limit: (value) => (Number.isSafeInteger(value) && Number(value) > 0 ? undefined : 'must be a whole number from 1'),
  fallback: oneOf('rates', 'request'),
};

const keysOf = (value: Readonly<Record<string, unknown>>, allowed: typeof checks, at: string): Problem[] =>
  Object.entries(value).flatMap(([key, inner]): Problem[] => {
    const check = allowed[key];
    const path = at + pointer(key);
    if (check === undefined)
      return [{ path, message: `unknown key "${key}"`, hint: nameHint(key, Object.keys(allowed)) }];
    const wrong = check(inner);
    return wrong === undefined ? [] : [{ path, message: `${wrong}, is ${JSON.stringify(inner)}` }];
  });

/**
 * What is wrong with an arm’s settings, at `at`. What they name is looked up in the catalogue, if there is one: rankers,
 * versions, heads and the bounds of weights. Weights without a ranker must do for every ranker that has these heads.
 */
export const armProblems = (value: unknown, at: string, catalogue: ArmCatalogue | undefined): Problem[] => {
  if (!isObject(value))
    return [{ path: at, message: `must be settings, is ${JSON.stringify(value)}`, hint: 'write {} to change nothing' }];
  const problems = keysOf(value, checks, at);
  const { exploration } = value;
  if (isObject(exploration)) {
    problems.push(...keysOf(exploration, explorationChecks, `${at}/exploration`));
    const { share = 0, swaps = 0 } = exploration;
    const known = isShare(share) === undefined && isShare(swaps) === undefined;
    const together = known ? explorationProblem({ share: Number(share), swaps: Number(swaps) }) : undefined;
    if (together !== undefined) problems.push({ path: `${at}/exploration`, ...together });
  }
  return catalogue === undefined ? problems : [...problems, ...referenceProblems(readable(value), at, catalogue)];
};

type References = Pick<ArmSettings, 'ranker' | 'version' | 'weights'>;

/** Of settings that may be wrong, what can be looked up; nothing where nobody knows in which ranker. */
const readable = ({ ranker, version, weights }: Readonly<Record<string, unknown>>): References => {
  if (ranker !== undefined && isName(ranker) !== undefined) return {};
  const numbers = Object.entries(isObject(weights) ? weights : {}).filter(([, weight]) => Number.isFinite(weight));
  return {
    ...(ranker !== undefined && { ranker: ranker as string }),
    ...(version !== undefined && isName(version) === undefined && { version: version as string }),
    ...(numbers.length > 0 && { weights: Object.fromEntries(numbers) as Readonly<Record<string, number>> }),
  };
};

/** What of an arm's settings is allowed and may not be meant. */
export const armNotes = (value: unknown, at: string, catalogue: ArmCatalogue | undefined): Problem[] => {
  if (catalogue === undefined || !isObject(value)) return [];
  const { ranker, version } = value as ArmSettings;
  if (typeof version !== 'string') return [];
  const having = catalogue.rankers().filter((each) => catalogue.versions(each).includes(version));
  const learning = having.filter((each) => (ranker === undefined || each === ranker) && catalogue.learns(each));
  return learning.map((each) => ({
    path: `${at}/version`,
    message: `ranker ${each} learns from the stream, and the pinned ${version} stays as it was sealed`,
    hint: 'let all arms pin a version, or name a second ranker that learns on its own; else age is compared, too',
  }));
};

const referenceProblems = (
  { ranker, version, weights }: References,
  at: string,
  catalogue: ArmCatalogue,
): Problem[] => {
  const known = catalogue.rankers();
  if (ranker !== undefined && !known.includes(ranker))
    return [{ path: `${at}/ranker`, message: `there is no ranker ${ranker}`, hint: nameHint(ranker, known) }];
  const rankers = ranker === undefined ? known : [ranker];
  const problems: Problem[] = [];
  if (version !== undefined) {
    const versions = rankers.flatMap((each) => catalogue.versions(each));
    if (!versions.includes(version))
      problems.push({
        path: `${at}/version`,
        message: `${ranker === undefined ? 'no ranker' : `ranker ${ranker}`} has ${ranker === undefined ? 'a' : 'no'} version ${version}`,
        hint: nameHint(version, versions.slice(-10)),
      });
  }
  return weights === undefined ? problems : [...problems, ...weightsWrong(weights, rankers, at, catalogue)];
};

const weightsWrong = (
  weights: Readonly<Record<string, number>>,
  rankers: readonly string[],
  at: string,
  catalogue: ArmCatalogue,
): Problem[] => {
  const found = rankers.flatMap((ranker) => {
    const definition = catalogue.definitionOf(ranker);
    return definition === undefined ? [] : [{ ranker, ...weightProblems(definition, weights, `${at}/weights`) }];
  });
  /** A head that only some rankers have is no mistake: in a request for another it changes nothing. */
  const nowhere = (path: string): boolean => found.every(({ unknown }) => unknown.some((each) => each.path === path));
  const seen = new Set<string>();
  return found
    .flatMap(({ ranker, unknown, outside }) => [
      ...unknown.filter(({ path }) => nowhere(path)),
      ...outside.map((each) => ({ ...each, message: `${each.message} by ranker ${ranker}` })),
    ])
    .filter(({ path, message }) => {
      const told = seen.has(path + message);
      seen.add(path + message);
      return !told;
    });
};

/** The things that settings set, each of which only one experiment may set for a user; settings may be wrong otherwise. */
export const thingsOf = ({
  ranker,
  version,
  weights,
  exploration,
  ...rest
}: Readonly<Record<string, unknown>>): string[] => [
  ...(ranker === undefined && version === undefined ? [] : ['ranker']),
  ...Object.keys(isObject(weights) ? weights : {}).map((head) => `weights.${head}`),
  ...Object.keys(isObject(exploration) ? exploration : {}).map((key) => `exploration.${key}`),
  ...Object.keys(rest),
];
