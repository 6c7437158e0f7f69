import type { RankingInput } from '../features/index.js';
import type { Entities } from './entities.js';
import type { RankRequest } from './types.js';

/**
 * The input of the features: fields of the request first, and for what it leaves out what was put before. The ids become
 * the reserved fields `user_id` and `item_id`.
 */
export const mergeFields = async (
  { user, context, candidates }: RankRequest,
  entities: Entities,
  time: number,
): Promise<RankingInput> => {
  const [users, items] = await Promise.all([
    user?.id === undefined ? [] : entities.read('user', [user.id]),
    entities.read(
      'item',
      candidates.map(({ id }) => id),
    ),
  ]);
  return {
    time,
    user: { ...users[0], ...user?.fields, ...(user?.id !== undefined && { user_id: user.id }) },
    context: context ?? {},
    candidates: candidates.map(({ id, fields }, candidate) => ({ ...items[candidate], ...fields, item_id: id })),
  };
};
