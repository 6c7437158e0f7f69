import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { bodyChecker } from '../../src/http/validate.js';
import { published } from '../../src/http/openapi.js';
import { FeedbackBody, ItemsBody, RankBody } from '../../src/http/schemas.js';
import { startApp, type TestService } from './client.js';

let service: TestService;
beforeAll(async () => void (service = await startApp()));
afterAll(() => service.close());

const name = fc.oneof(
  fc.constantFrom(
    'quality',
    'id',
    'user_id',
    '__proto__',
    'constructor',
    'a b',
    '',
    'größe',
    'x.y-z',
    'candidates',
    '9a',
  ),
  fc.string({ maxLength: 5 }),
);
const scalar = fc.oneof(
  fc.string({ maxLength: 4 }),
  fc.double({ noNaN: true }),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);
const value = fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }), fc.constant({}), fc.constant([[1]]));
const entity = fc.array(fc.tuple(name, value), { maxLength: 4 }).chain((pairs) =>
  // JSON.parse makes "__proto__" a key like any other, which an object literal would not.
  fc
    .tuple(fc.constant(pairs), fc.option(fc.oneof(fc.string({ maxLength: 3 }), fc.integer()), { freq: 6 }))
    .map(([list, id]) => {
      const parts = list.map(([key, each]) => `${JSON.stringify(key)}:${JSON.stringify(each)}`);
      if (id !== null) parts.push(`"id":${JSON.stringify(id)}`);
      return `{${parts.join(',')}}`;
    }),
);

describe('the API description', () => {
  test('allows exactly what the service accepts', () => {
    const ajv = new Ajv2020({ strict: false });
    const says = ajv.compile(published(ItemsBody) as object);
    const check = bodyChecker(ItemsBody);
    const does = (body: unknown): boolean => {
      try {
        check(body, 0);
        return true;
      } catch {
        return false;
      }
    };
    const outcomes = { accepted: 0, refused: 0 };
    const body = fc.oneof(
      entity,
      fc.array(entity, { maxLength: 3 }).map((list) => `[${list.join(',')}]`),
    );
    fc.assert(
      fc.property(body, (text) => {
        const parsed: unknown = JSON.parse(text);
        const accepted = does(parsed);
        outcomes[accepted ? 'accepted' : 'refused']++;
        expect({ text, accepted }).toEqual({ text, accepted: says(parsed) });
      }),
      { numRuns: 3000, seed: 11 },
    );
    expect(Math.min(outcomes.accepted, outcomes.refused)).toBeGreaterThan(300);
  });

  test('names every header of a request that the service goes by', async () => {
    interface Described {
      readonly paths: Record<string, Record<string, { readonly parameters?: readonly { readonly $ref?: string }[] }>>;
      readonly components: { readonly parameters: Record<string, { readonly name: string; readonly in: string }> };
    }
    const { paths, components } = (await service.call('GET', '/openapi.json')).json as unknown as Described;
    const namesOf = (path: string, method: string): (string | undefined)[] =>
      paths[path]![method]!.parameters!.flatMap(({ $ref }) =>
        $ref === undefined ? [] : [$ref.split('/').at(-1)!],
      ).map((called) => components.parameters[called]?.name);
    expect(namesOf('/v1/rank', 'post')).toEqual(['X-Request-Id', 'traceparent', 'X-Deadline-Ms']);
    for (const [path, operations] of Object.entries(paths))
      for (const method of Object.keys(operations))
        expect([path, namesOf(path, method)]).toEqual([path, expect.arrayContaining(['X-Request-Id', 'traceparent'])]);
  });

  test('has examples that are valid, and schemas that compile', () => {
    for (const schema of [RankBody, ItemsBody, FeedbackBody])
      for (const example of schema.examples as unknown[]) expect(() => bodyChecker(schema)(example, 0)).not.toThrow();
  });

  test('lists every route with its answers', async () => {
    const { json } = await service.call('GET', '/openapi.json');
    expect(Object.keys(json.paths).sort()).toEqual(
      [
        '/',
        '/docs',
        '/healthz',
        '/metrics',
        '/openapi.json',
        '/readyz',
        '/v1/clock',
        '/v1/experiments',
        '/v1/feedback',
        '/v1/items',
        '/v1/models',
        '/v1/rank',
        '/v1/users',
        '/v1/models/{ranker}/activate',
        '/v1/models/{ranker}/rollback',
      ].sort(),
    );
    expect(json.paths['/v1/rank']).toMatchObject({
      post: { responses: { 200: {}, 400: {}, 404: {}, 413: {}, 415: {}, 503: {} } },
    });
  });

  test('describes the answers as they are', async () => {
    const { json: api } = await service.call('GET', '/openapi.json');
    const paths = api.paths as Record<
      string,
      Record<string, { responses: Record<string, { content: Record<string, { schema: object }> }> }>
    >;
    const matches = (path: string, method: string, answer: { status: number; json: unknown }): unknown => {
      const { schema } = paths[path]![method]!.responses[answer.status]!.content['application/json']!;
      const validate = new Ajv2020({ strict: false }).compile({
        ...schema,
        components: (api as unknown as { components: object }).components,
      });
      return validate(answer.json) ? 'matches' : validate.errors;
    };
    const ranked = await service.call('POST', '/v1/rank', {
      user: { taste: 0.1 },
      candidates: [{ id: 1, quality: 2 }, { id: 'b' }],
      explain: true,
    });
    expect(matches('/v1/rank', 'post', ranked)).toBe('matches');
    expect(matches('/v1/rank', 'post', await service.call('POST', '/v1/rank', {}))).toBe('matches');
    expect(matches('/v1/models', 'get', await service.call('GET', '/v1/models'))).toBe('matches');
    expect(matches('/', 'get', await service.call('GET', '/'))).toBe('matches');
  });
});
