import { Type } from '@sinclair/typebox';
import type { ErrorObject, KeywordDefinition } from 'ajv';

/**
 * Free fields of users, contexts and items. They are checked by one hand-written Ajv keyword, because a generic
 * `patternProperties` with `anyOf` costs more than parsing the body; `publishedFields` says the same in plain JSON Schema
 * for the API description, and a property test holds the two together.
 */
const fieldLimits = { fields: 256, nameLength: 64, textLength: 8192, listLength: 4096 } as const;

/** Fields that the service fills in itself. */
const reservedFields = ['user_id', 'item_id', 'time', 'request_id', 'position'] as const;
const hostile = ['__proto__', 'constructor', 'prototype'];
const namePattern = /^[\p{L}_][\p{L}\p{N}_.-]*$/u;

const Text = Type.String({ maxLength: fieldLimits.textLength });
const FieldValue = Type.Union(
  [
    Text,
    Type.Number(),
    Type.Boolean(),
    Type.Null(),
    Type.Array(Type.Union([Text, Type.Number()]), { maxItems: fieldLimits.listLength }),
  ],
  { description: 'a text, a finite number, a boolean, null (missing), or a list of texts or numbers' },
);

/** The plain JSON Schema of free fields beside the named ones. */
export const publishedFields = (named: readonly string[]): Record<string, unknown> => ({
  maxProperties: fieldLimits.fields + named.length,
  propertyNames: {
    maxLength: fieldLimits.nameLength,
    pattern: namePattern.source,
    not: { enum: [...reservedFields, ...hostile] },
  },
  additionalProperties: FieldValue,
});

export const fieldsKeyword: KeywordDefinition = {
  keyword: 'fields',
  type: 'object',
  schemaType: 'array',
  errors: 'full',
  compile: (named: readonly string[]) => {
    const check = (data: Record<string, unknown>, context?: { readonly instancePath: string }): boolean => {
      check.errors = areFine(data, named) ? [] : fieldErrors(data, named, context?.instancePath ?? '');
      return check.errors.length === 0;
    };
    check.errors = [] as Partial<ErrorObject>[];
    return check;
  },
};

/** Whether nothing is wrong for sure. Nearly all fields are fine, and finding out what is wrong takes longer. */
const areFine = (data: Record<string, unknown>, named: readonly string[]): boolean => {
  let count = 0;
  for (const name in data) {
    if (named.includes(name)) continue;
    const value = data[name];
    if (!knownNames.has(name) || !isFine(value) || ++count > fieldLimits.fields) return false;
  }
  return true;
};

const isFine = (value: unknown): boolean => {
  if (typeof value === 'string') return value.length <= fieldLimits.textLength;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value === 'boolean' || value === null) return true;
  return Array.isArray(value) && value.length <= fieldLimits.listLength && value.every(isListElement);
};

const mostErrors = 20;

const fieldErrors = (data: Record<string, unknown>, named: readonly string[], path: string): Partial<ErrorObject>[] => {
  const errors: Partial<ErrorObject>[] = [];
  const report = (at: string, message: string): void => {
    errors.push({ keyword: 'fields', instancePath: path + at, message, params: {} });
  };
  let count = 0;
  for (const name in data) {
    if (named.includes(name)) continue;
    count++;
    const wrong = knownNames.has(name) ? undefined : nameProblem(name);
    if (wrong !== undefined) report(`/${pointer(name)}`, wrong);
    else reportValue(data[name], name, report);
    if (errors.length >= mostErrors) return errors;
  }
  if (count > fieldLimits.fields) report('', `must have at most ${fieldLimits.fields} fields`);
  return errors;
};

type Report = (at: string, message: string) => void;

const reportValue = (value: unknown, name: string, report: Report): void => {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) report(`/${pointer(name)}`, 'must be a finite number');
  } else if (typeof value === 'string') {
    if (isLong(value)) report(`/${pointer(name)}`, `must have at most ${fieldLimits.textLength} characters`);
  } else if (Array.isArray(value)) {
    const list: unknown[] = value;
    if (list.length > fieldLimits.listLength)
      report(`/${pointer(name)}`, `must have at most ${fieldLimits.listLength} elements`);
    const bad = list.findIndex((element) => !isListElement(element));
    if (bad >= 0) report(`/${pointer(name)}/${bad}`, 'must be a text or a finite number');
  } else if (typeof value !== 'boolean' && value !== null) {
    report(`/${pointer(name)}`, 'must be a text, a number, a boolean, null or a list of texts or numbers');
  }
};

const isListElement = (element: unknown): boolean =>
  typeof element === 'number' ? Number.isFinite(element) : typeof element === 'string' && !isLong(element);

/** JSON Schema counts code points, which are at most as many as UTF-16 units. */
const isLong = (text: string): boolean =>
  text.length > fieldLimits.textLength &&
  (text.length > 2 * fieldLimits.textLength || Array.from(text).length > fieldLimits.textLength);

/** Names seen to be fine: requests use the same few again and again. Bounded, so that no caller can fill memory. */
const knownNames = new Set<string>();

const nameProblem = (name: string): string | undefined => {
  if (hostile.includes(name)) return 'is not allowed as a field';
  if ((reservedFields as readonly string[]).includes(name))
    return 'is filled in by the service: ids go into "id", the rest is left out';
  if (name.length > fieldLimits.nameLength || !namePattern.test(name))
    return `must be a name of letters, digits, "_", "." or "-", at most ${fieldLimits.nameLength} long`;
  if (knownNames.size < 10_000) knownNames.add(name);
  return undefined;
};

const pointer = (name: string): string => name.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1');
