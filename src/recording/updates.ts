import type { Entities } from '../ranking/index.js';
import type { Recorder } from './recorder.js';

/** Entities whose updates are logged too, once the store has them. */
export const recordUpdates = (entities: Entities, recorder: Recorder, now: () => number): Entities => ({
  ...entities,
  put: async (kind, list) => {
    await entities.put(kind, list);
    const time = now();
    recorder.offer(list.map(({ id, fields }) => () => ({ kind, time, id, fields })));
  },
});
