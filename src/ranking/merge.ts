import type { Fields, RankingInput } from '../features/index.js';
import type { Entities, EntityId } from './entities.js';
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
    const { fields, stale, unread } = await entities.read('user', [user.id]);
    return { fields: fields[0] ?? {}, known: unread === 0, degraded: stale + unread > 0 };
  };
  let reading: Promise<StoredUser> | undefined;
  return () => (reading ??= read());
};

/** What the features read, and whether some of it is old or missing because the store fails. */
export interface Merged {
  readonly input: RankingInput;
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
  const [known, items] = await Promise.all([
    stored(),
    entities.read(
      'item',
      candidates.map(({ id }) => id),
    ),
  ]);
  const input = {
    time,
    user: { ...known.fields, ...user?.fields, ...(user?.id !== undefined && { user_id: user.id }) },
    context: context ?? {},
    candidates: candidates.map(({ id, fields }, candidate) => {
      const put = items.fields[candidate];
      return put !== undefined && isEmpty(fields) ? asPut(put, id) : { ...put, ...fields, item_id: id };
    }),
  };
  return { input, degraded: known.degraded || items.stale + items.unread > 0 };
};

const isEmpty = (fields: Fields): boolean => {
  for (const _ in fields) return false;
  return true;
};

/** By what was put: the entities keep it parsed, and most requests name items without fields. */
const withIds = new WeakMap<Fields, Fields>();

/** An item as it was put, with its id. Frozen: it is the same for many requests, and whoever logs it may rely on that. */
const asPut = (put: Fields, id: EntityId): Fields => {
  const known = withIds.get(put);
  if (known !== undefined && known['item_id'] === id) return known;
  const made = Object.freeze({ ...put, item_id: id });
  withIds.set(put, made);
  return made;
};
