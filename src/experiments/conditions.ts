import { nameHint } from '../nearest.js';
import { isObject, pointer, type Findings } from './payload.js';
import { userAttributes } from './split.js';

const lists = ['$in', '$ini', '$nin', '$nini', '$all', '$alli'];
const groups = ['$inGroup', '$notInGroup'];
const patterns = ['$regex', '$regexi'];
const operators = [
  ...[...lists, ...groups, ...patterns, '$gt', '$gte', '$lt', '$lte', '$ne', '$eq', '$size', '$elemMatch', '$not'],
  ...['$type', '$exists', '$vgt', '$vgte', '$vlt', '$vlte', '$vne', '$veq'],
];

/**
 * What is wrong with a targeting condition. GrowthBook answers a mistake in one by matching nobody, and prints it for every
 * request; here it is refused before it applies.
 */
export const checkCondition = (
  condition: unknown,
  at: string,
  savedGroups: Readonly<Record<string, unknown>>,
  { problems }: Findings,
): void => {
  const whole = (value: unknown, path: string): void => {
    if (!isObject(value)) {
      problems.push({ path, message: 'must be an object', hint: 'such as {"country": "DE"}' });
      return;
    }
    for (const [key, inner] of Object.entries(value)) {
      const here = path + pointer(key);
      if (key === '$or' || key === '$nor' || key === '$and') {
        if (Array.isArray(inner)) inner.forEach((each: unknown, index) => whole(each, `${here}/${index}`));
        else problems.push({ path: here, message: 'must be a list of conditions' });
      } else if (key === '$not') whole(inner, here);
      else if (key === '$savedGroup') group(isObject(inner) ? inner['id'] : inner, here);
      else if (key.startsWith('$'))
        problems.push({
          path: here,
          message: `${key} stands with an attribute`,
          hint: `such as {"country": {"${key}": …}}`,
        });
      else {
        ofAttribute(inner, here);
        if (userAttributes.includes(key)) listsTexts(inner, here);
      }
    }
  };
  /** Lists are compared strictly, and a user's id is a text. */
  const listsTexts = (value: unknown, path: string): void => {
    for (const [operator, operand] of Object.entries(isObject(value) ? value : {}))
      if (lists.includes(operator) && Array.isArray(operand) && operand.some((each) => typeof each === 'number'))
        problems.push({ path: path + pointer(operator), message: 'lists numbers', hint: 'write ids as texts: ["7"]' });
  };
  const ofAttribute = (value: unknown, path: string): void => {
    if (!isObject(value) || !Object.keys(value).some((key) => key.startsWith('$'))) return;
    for (const [operator, operand] of Object.entries(value)) {
      const here = path + pointer(operator);
      if (!operators.includes(operator))
        problems.push({ path: here, message: `unknown operator "${operator}"`, hint: nameHint(operator, operators) });
      else if (lists.includes(operator) && !Array.isArray(operand))
        problems.push({ path: here, message: 'must be a list' });
      else if (groups.includes(operator)) group(operand, here);
      else if (patterns.includes(operator) && !isPattern(operand))
        problems.push({ path: here, message: `${JSON.stringify(operand)} is no regular expression` });
      else if (operator === '$not') ofAttribute(operand, here);
    }
  };
  const group = (id: unknown, path: string): void => {
    if (typeof id === 'string' && Object.hasOwn(savedGroups, id)) return;
    problems.push({
      path,
      message: `there is no saved group ${JSON.stringify(id)}`,
      hint: nameHint(typeof id === 'string' ? id : '', Object.keys(savedGroups)),
    });
  };
  whole(condition, at);
};

const isPattern = (value: unknown): boolean => {
  try {
    return typeof value === 'string' && new RegExp(value) instanceof RegExp;
  } catch {
    return false;
  }
};
