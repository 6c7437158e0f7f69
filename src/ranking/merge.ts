import type { Fields, RankingInput } from '../features/index.js';
import type { Entities } from './entities.js';
import type { RankRequest } from './types.js';

/** What was put before of who asks; empty if nothing was. Nobody need wait for it: a failure is whose who does. */
export const storedUser = ({ user }: RankRequest, entities: Entities): Promise<Fields> => {
  if (user?.id === undefined) return Promise.resolve({});
  const read = entities.read('user', [user.id]).then(([fields]) => fields ?? {});
  read.catch(() => undefined);
  return read;
};

/**
 * The input of the features: fields of the request first, and for what it leaves out what was put before. The ids become
 * the reserved fields `user_id` and `item_id`.
 */
export const mergeFields = async (
  { user, context, candidates }: RankRequest,
  options: { readonly stored: Promise<Fields>; readonly entities: Entities; readonly time: number },
): Promise<RankingInput> => {
  const { stored, entities, time } = options;
  const [known, items] = await Promise.all([
    stored,
    entities.read(
      'item',
      candidates.map(({ id }) => id),
    ),
  ]);
  return {
    time,
    user: { ...known, ...user?.fields, ...(user?.id !== undefined && { user_id: user.id }) },
    context: context ?? {},
    candidates: candidates.map(({ id, fields }, candidate) => ({ ...items[candidate], ...fields, item_id: id })),
  };
};
