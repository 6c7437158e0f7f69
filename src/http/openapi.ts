import { catalogue, type ErrorCode } from '../errors.js';
import { publishedFields } from './fields.js';
import { linesType, type Route } from './route.js';
import { ErrorReply } from './schemas.js';

/** The OpenAPI 3.1 description of the routes, from the schemas that validate. */
export const describeApi = (routes: readonly Route[], version: string): Record<string, unknown> => {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) (paths[openPath(route.path)] ??= {})[route.method] = operation(route);
  return {
    openapi: '3.1.0',
    info: {
      title: 'watchnext',
      version,
      description: 'Ranks candidates by a weighted combination of predicted engagement and satisfaction.',
    },
    paths,
    components: {
      schemas: { Error: published(ErrorReply) },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'the admin key' },
        key: { type: 'apiKey', in: 'header', name: 'X-Api-Key', description: 'the admin key' },
      },
    },
  };
};

const openPath = (path: string): string => path.replace(/:(\w+)/g, '{$1}');

const operation = (route: Route): Record<string, unknown> => {
  const parameters = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const content =
    typeof route.answers === 'string'
      ? { [mediaType(route.answers)]: { schema: { type: 'string' } } }
      : { 'application/json': { schema: published(route.answers) } };
  return {
    operationId: `${route.method}${route.path.replace(/[^a-z]+(.)?/gi, (_, letter?: string) => letter?.toUpperCase() ?? '')}`,
    summary: route.summary,
    ...(route.description !== undefined && { description: route.description }),
    ...(parameters.length > 0 && { parameters }),
    ...(route.admin === true && { security: [{ bearer: [] }, { key: [] }] }),
    ...(route.body && { requestBody: { required: true, content: requestContent(route.body, route.lines) } }),
    responses: { 200: { description: 'done', content }, ...refusals(route) },
  };
};

const requestContent = (body: unknown, lines = false): Record<string, unknown> => ({
  'application/json': { schema: published(body) },
  ...(lines && { [linesType]: { schema: { type: 'string', description: 'one JSON object per line' } } }),
});

const mediaType = (type: string): string => type.split(';')[0] ?? type;

const refusals = (route: Route): Record<string, unknown> => {
  const codes = new Set<ErrorCode>([...route.refuses, 'internal']);
  if (route.method !== 'get') codes.add('request_invalid').add('request_too_large').add('media_type_unsupported');
  if (route.admin === true) codes.add('unauthorized');
  if (route.path.includes(':')) codes.add('request_invalid');
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const { status } = catalogue[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, list]) => [
      status,
      {
        description: list.join(', '),
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    ]),
  );
};

/** A schema as plain JSON Schema: our own keyword for free fields is spelled out. */
export const published = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(published);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { fields, ...rest } = schema as Record<string, unknown>;
  const plain = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, published(value)]));
  return Array.isArray(fields) ? { ...plain, ...publishedFields(fields as string[]) } : plain;
};
