import type { ErrorObject } from 'ajv';
import { nameHint } from '../nearest.js';

/** A problem at a path of the definition, before file and line are known. */
export interface Found {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly hint?: string;
}

interface SchemaNode {
  readonly description?: string;
  readonly properties?: Record<string, SchemaNode>;
  readonly oneOf?: readonly SchemaNode[];
  readonly const?: string;
}

const show = (value: unknown): string => {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) return 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};

const segments = (pointer: string): (string | number)[] =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));

const kindsOf = (node: SchemaNode): string[] =>
  (node.oneOf ?? []).flatMap((kind) => kind.properties?.['kind']?.const ?? []);

const one = (error: ErrorObject): Found => {
  const path = segments(error.instancePath);
  const node = error.parentSchema as SchemaNode;
  const parameters = error.params as Record<string, unknown>;
  const described = node.description === undefined ? {} : { hint: node.description };
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = String(parameters['additionalProperty']);
      const allowed = Object.keys(node.properties ?? {});
      return allowed.length > 0
        ? { path: [...path, key], message: `unknown key "${key}"`, hint: nameHint(key, allowed) }
        : {
            path: [...path, key],
            message: `"${key}" is no name`,
            hint: 'names start with a lower-case letter and hold lower-case letters, digits and underscores',
          };
    }
    case 'required': {
      const missing = String(parameters['missingProperty']);
      const hint = node.properties?.[missing]?.description ?? node.description;
      return { path, message: `"${missing}" is missing`, ...(hint === undefined ? {} : { hint }) };
    }
    case 'enum': {
      const allowed = parameters['allowedValues'] as string[];
      return { path, message: `${show(error.data)} is not allowed here`, hint: nameHint(String(error.data), allowed) };
    }
    case 'discriminator': {
      const kind = (error.data as Record<string, unknown>)['kind'];
      const message = kind === undefined ? '"kind" is missing' : `unknown kind ${show(kind)}`;
      return { path: [...path, 'kind'], message, hint: nameHint(String(kind), kindsOf(node)) };
    }
    case 'type':
      return { path, message: `must be ${String(parameters['type'])}, is ${show(error.data)}`, ...described };
    case 'pattern':
      return {
        path,
        message: `${show(error.data)} is not ${node.description ?? `of the form ${String(parameters['pattern'])}`}`,
      };
    case 'minProperties':
    case 'minItems':
      return { path, message: 'must not be empty', ...described };
    case 'anyOf':
      return { path, message: `${show(error.data)} fits none of the allowed forms`, ...described };
    default:
      return { path, message: `${show(error.data)} ${error.message ?? 'is not allowed'}`, ...described };
  }
};

/** Validator errors as sentences, in document order of their schema; alternatives of one union are told once. */
export const explain = (errors: readonly ErrorObject[]): Found[] => {
  const unions = errors.filter((error) => error.keyword === 'anyOf').map((error) => error.schemaPath);
  const undecided = errors.filter((error) => error.keyword === 'discriminator').map((error) => error.instancePath);
  const told = errors.filter(
    (error) =>
      !unions.some((union) => error.schemaPath !== union && error.schemaPath.startsWith(union)) &&
      // A missing kind is told with the kinds that there are.
      !(error.keyword === 'required' && undecided.includes(error.instancePath)),
  );
  const distinct = new Map(told.map(one).map((found) => [`${found.path.join('/')} ${found.message}`, found]));
  return [...distinct.values()];
};
