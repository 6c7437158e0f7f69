import type { Static, TSchema } from '@sinclair/typebox';
import { Ajv, type ErrorObject } from 'ajv';
import { WatchnextError, type Problem } from '../errors.js';
import { lazily } from '../lazily.js';
import { nameHint } from '../nearest.js';
import { fieldsKeyword } from './fields.js';

/**
 * Bodies are first checked up to the first error, which bounds the work a hostile body can cause; only a refused body of
 * ordinary size is checked again for all its errors.
 */
const reportAllBelowBytes = 256 * 1024;
const mostProblems = 20;

const options = { strict: false, strictNumbers: true, verbose: true, keywords: [fieldsKeyword] };
const first = new Ajv(options);
const all = new Ajv({ ...options, allErrors: true });

/** A checker of bodies: answers the body with its type, or throws request_invalid with the paths and what is allowed. */
export const bodyChecker = <S extends TSchema>(schema: S): ((body: unknown, bytes: number) => Static<S>) => {
  // "One or an array of them": told apart first, so that the problems are those of what was meant.
  const shapes = (schema.anyOf as TSchema[] | undefined) ?? [schema];
  const checkers = shapes.map((shape) => ({
    isList: shape.type === 'array',
    check: first.compile(shape),
    checkAll: lazily(() => all.compile(shape)),
  }));
  return (body, bytes) => {
    const checker = checkers.find(({ isList }) => isList === Array.isArray(body)) ?? checkers[0];
    if (checker?.check(body) === true) return body;
    const thorough = bytes <= reportAllBelowBytes ? checker?.checkAll() : undefined;
    thorough?.(body);
    throw new WatchnextError('request_invalid', 'The request body is not as the API expects.', {
      problems: problemsOf(thorough?.errors ?? checker?.check.errors ?? []),
    });
  };
};

const problemsOf = (errors: readonly ErrorObject[]): Problem[] => {
  const alternatives = new Set(errors.filter(({ keyword }) => keyword === 'anyOf').map((error) => error.instancePath));
  const problems = new Map<string, Problem>();
  for (const error of errors) {
    // What each alternative lacks says less than what the alternatives are.
    if (alternatives.has(error.instancePath) && error.keyword !== 'anyOf') continue;
    const problem = problemOf(error);
    problems.set(`${problem.path} ${problem.message}`, problem);
    if (problems.size === mostProblems) break;
  }
  return [...problems.values()];
};

const problemOf = (error: ErrorObject): Problem => {
  const { instancePath: path, keyword } = error;
  const params = error.params as Readonly<Record<string, unknown>>;
  const schema = error.parentSchema;
  if (keyword === 'additionalProperties') {
    const name = String(params.additionalProperty).slice(0, 100);
    const known = Object.keys((schema?.properties as object | undefined) ?? {});
    return { path: `${path}/${name}`, message: 'is not a known name', hint: nameHint(name, known) };
  }
  if (keyword === 'required') return { path: `${path}/${String(params.missingProperty)}`, message: 'is missing' };
  const description = typeof schema?.description === 'string' ? schema.description : undefined;
  const wanted = keyword === 'anyOf' && description !== undefined ? `must be ${description}` : inWords(error);
  const hint = keyword === 'anyOf' ? undefined : description;
  return { path: path === '' ? '/' : path, message: wanted, ...(hint !== undefined && { hint }) };
};

const typeNames: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
  null: 'null',
};

/** The validator's phrases are for people who write schemas. */
const inWords = ({ keyword, params, message = 'is invalid' }: ErrorObject): string => {
  const { limit, type } = params as { readonly limit?: number; readonly type?: string | readonly string[] };
  switch (keyword) {
    case 'type':
      return `must be ${[type ?? []]
        .flat()
        .map((name) => typeNames[name] ?? name)
        .join(' or ')}`;
    case 'minItems':
    case 'minLength':
    case 'minProperties':
      return limit === 1 ? 'must not be empty' : `must have at least ${limit} ${unitOf(keyword)}`;
    case 'maxItems':
    case 'maxLength':
    case 'maxProperties':
      return `must have at most ${limit} ${unitOf(keyword)}`;
    case 'minimum':
      return `must be at least ${limit}`;
    case 'maximum':
      return `must be at most ${limit}`;
    default:
      return message;
  }
};

const unitOf = (keyword: string): string =>
  keyword.endsWith('Length') ? 'characters' : keyword.endsWith('Items') ? 'elements' : 'fields';
