import { WatchnextError } from '../errors.js';
import type { Rankers } from '../inference/index.js';
import { createFieldWarnings, type Entities, type Entity, type EntityKind } from '../ranking/index.js';
import { route, type Route } from './route.js';
import { ItemsBody, PutReply, UsersBody, type EntityBody } from './schemas.js';

/** PUT /v1/items and PUT /v1/users. */
export const entityRoutes = (entities: Entities, rankers: Pick<Rankers, 'definitions'>, now = Date.now): Route[] =>
  (['item', 'user'] as const).map((kind) =>
    route({
      method: 'put',
      path: `/v1/${kind}s`,
      summary: `Put fields of ${kind}s`,
      description:
        'One or an array; all or none. Replaces what was known of each id. Rankings use these fields where the request leaves them out.',
      body: kind === 'item' ? ItemsBody : UsersBody,
      answers: PutReply,
      refuses: ['store_unavailable'],
      role: 'feedback',
      handle: async ({ body }) => {
        const list = await put(entities, kind, body);
        const warnings = createFieldWarnings(rankers.definitions, now());
        for (const { fields } of list) warnings.check(kind === 'item' ? 'candidate' : 'user', fields);
        return { json: { accepted: list.length, ...(warnings.list.length > 0 && { warnings: warnings.list }) } };
      },
    }),
  );

const put = async (entities: Entities, kind: EntityKind, body: EntityBody): Promise<readonly Entity[]> => {
  const list = (Array.isArray(body) ? body : [body]).map(({ id, ...fields }) => ({ id, fields }));
  const ids = new Set(list.map(({ id }) => String(id)));
  if (ids.size < list.length)
    throw new WatchnextError('request_invalid', 'Ids must be unique: which of two values would hold is not defined.', {
      problems: [{ path: '/', message: `${list.length - ids.size} ids occur again`, hint: `send each ${kind} once` }],
    });
  await entities.put(kind, list);
  return list;
};
