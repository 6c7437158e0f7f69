import { isEmpty, type Candidate, type Fields, type RankingInput } from '../features/index.js';
import type { Entities } from './entities.js';
import { itemFields } from './stored-fields.js';
import type { RankRequest } from './types.js';

/** What was put before of who asks; empty if nothing was. */
export interface StoredUser {
  readonly fields: Fields;
  /** False if it could not be read. */
  readonly known: boolean;
  /** True if it could not be read, or not lately. */
  readonly degraded: boolean;
}

const nobody: StoredUser = { fields: {}, known: true, degraded: false };

/** Reads it when it is first asked for, and once. */
export const storedUser = ({ user }: RankRequest, entities: Entities): (() => Promise<StoredUser>) => {
  const read = async (): Promise<StoredUser> => {
    if (user?.id === undefined) return nobody;
    const { known, stale, unread } = await entities.read('user', [user.id]);
    return { fields: known[0]?.fields ?? {}, known: unread === 0, degraded: stale + unread > 0 };
  };
  let reading: Promise<StoredUser> | undefined;
  return () => (reading ??= read());
};

/** What the features read, and whether some of it is old or missing because the store fails. */
export interface Merged {
  readonly input: RankingInput<Candidate>;
  readonly degraded: boolean;
}

/**
 * The input of the features: fields of the request first, and for what it leaves out what was put before. The ids become
 * the reserved fields `user_id` and `item_id`.
 */
export const mergeFields = async (
  { user, context, candidates }: RankRequest,
  options: { readonly stored: () => Promise<StoredUser>; readonly entities: Entities; readonly time: number },
): Promise<Merged> => {
  const { stored, entities, time } = options;
  const [asked, items] = await Promise.all([
    stored(),
    entities.read(
      'item',
      candidates.map(({ id }) => id),
    ),
  ]);
  const input = {
    time,
    user: Object.assign({}, asked.fields, user?.fields, user?.id !== undefined && { user_id: user.id }),
    context: context ?? {},
    candidates: candidates.map(({ id, fields }, candidate) => {
      const known = items.known[candidate];
      return known !== undefined && isEmpty(fields) ? known : itemFields(id, known?.fields, fields);
    }),
  };
  return { input, degraded: asked.degraded || items.stale + items.unread > 0 };
};
