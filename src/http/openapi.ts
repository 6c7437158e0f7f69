import { catalogue, type ErrorCode } from '../errors.js';
import type { Access } from '../security/index.js';
import { publishedFields } from './fields.js';
import { linksOf } from './links.js';
import { header, headers, parameter, parameters, securitySchemes } from './openapi-parts.js';
import { linesType, type Route } from './route.js';
import { ErrorReply } from './schemas.js';

export interface Described {
  /** Of this software. */
  readonly version: string;
  /** What needs no key here. */
  readonly isOpen: Access['isOpen'];
}

/** The OpenAPI 3.1 description of the routes, from the schemas that validate. */
export const describeApi = (routes: readonly Route[], { version, isOpen }: Described): Record<string, unknown> => {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) (paths[openPath(route.path)] ??= {})[route.method] = operation(route, isOpen);
  return {
    openapi: '3.1.0',
    info: {
      title: 'watchnext',
      version,
      description:
        'Ranks candidates by a weighted combination of predicted engagement and satisfaction. Every refusal has the form of Error; a method that a path does not answer is refused with 405 and Allow, a path that is none with 404.',
    },
    paths,
    components: {
      schemas: { Error: published(ErrorReply) },
      parameters,
      headers,
      securitySchemes,
    },
  };
};

const openPath = (path: string): string => path.replace(/:(\w+)/g, '{$1}');

/** postModelsActivate, of POST /v1/models/:ranker/activate. */
const operationIdOf = ({ method, path }: Route): string => {
  const words = path
    .split('/')
    .filter((part) => part !== '' && part !== 'v1' && !part.startsWith(':'))
    .flatMap((part) => part.split(/[^a-z0-9]+/i));
  const names = words.length === 0 ? ['index'] : words;
  return method + names.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
};

const operation = (route: Route, isOpen: Access['isOpen']): Record<string, unknown> => {
  const operationId = operationIdOf(route);
  const inPath = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', minLength: 1 },
  }));
  const content =
    typeof route.answers === 'string'
      ? { [mediaType(route.answers)]: { schema: { type: 'string' } } }
      : { 'application/json': { schema: published(route.answers) } };
  const links = linksOf(operationId);
  return {
    operationId,
    summary: route.summary,
    ...(route.description !== undefined && { description: route.description }),
    parameters: [
      ...inPath,
      parameter('RequestId'),
      parameter('Traceparent'),
      ...(route.takesTurns === true ? [parameter('DeadlineMs')] : []),
    ],
    ...(route.role !== undefined && { security: [...(isOpen(route.role) ? [{}] : []), { bearer: [] }, { key: [] }] }),
    ...(route.body && { requestBody: { required: true, content: requestContent(route.body, route.lines) } }),
    responses: {
      200: { description: 'done', headers: answering(route), content, ...(Object.keys(links).length > 0 && { links }) },
      ...refusals(route),
    },
  };
};

const requestContent = (body: unknown, lines = false): Record<string, unknown> => ({
  'application/json': { schema: published(body) },
  ...(lines && { [linesType]: { schema: { type: 'string', description: 'one JSON object per line' } } }),
});

const mediaType = (type: string): string => type.split(';')[0] ?? type;

/** By status; what a route does not say itself is what reading its parameters, body and keys may refuse. */
const refusals = (route: Route): Record<string, unknown> => {
  const codes = new Set<ErrorCode>([...route.refuses, 'internal']);
  if (route.path !== '/healthz') codes.add('not_ready');
  if (route.body !== undefined) codes.add('request_invalid').add('request_too_large').add('media_type_unsupported');
  if (route.role !== undefined) codes.add('unauthorized').add('forbidden').add('rate_limited');
  if (route.path.includes(':')) codes.add('request_invalid');
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const { status } = catalogue[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries([...byStatus].map(([status, list]) => [status, refusal(route, list)]));
};

/** On whatever is answered. */
const answering = ({ role }: Route): Record<string, unknown> => ({
  'X-Request-Id': header('RequestId'),
  ...(role !== undefined && { 'RateLimit-Policy': header('RateLimitPolicy'), RateLimit: header('RateLimit') }),
});

const refusal = (route: Route, codes: readonly ErrorCode[]): Record<string, unknown> => ({
  description: codes.join(', '),
  headers: {
    ...answering(route),
    ...(codes.some((code) => catalogue[code].retriable) && { 'Retry-After': header('RetryAfter') }),
    ...(codes.includes('unauthorized') && { 'WWW-Authenticate': header('Authenticate') }),
  },
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
});

/** A schema as plain JSON Schema: our own keyword for free fields is spelled out. */
export const published = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(published);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { fields, ...rest } = schema as Record<string, unknown>;
  const plain = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, published(value)]));
  return Array.isArray(fields) ? { ...plain, ...publishedFields(fields as string[]) } : plain;
};
