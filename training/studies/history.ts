import type { RankerDefinition } from '../../src/definition/index.js';
import type { Dataset, Happening, LoggedRequest, TimeRange, Video, World, WorldRequest } from '../dataset/index.js';

/** One list of a log. */
export interface ShownList {
  readonly request: WorldRequest;
  readonly shown: readonly Video[];
}

/** By the column that a task's label reads; NaN where nothing is known. */
const labels: Readonly<Record<string, (happening: Happening) => number>> = {
  clicked: ({ clicked }) => Number(clicked),
  watch_seconds: ({ clicked, watchSeconds }) => (clicked ? watchSeconds : Number.NaN),
  liked: ({ liked }) => Number(liked),
  dismissed: ({ dismissed }) => Number(dismissed),
  rating: ({ rating }) => rating ?? Number.NaN,
};

/** The requests of some days of a world, in the order of time. */
export const requestsOf = (world: World, { from, until }: { from: number; until: number }): WorldRequest[] =>
  Array.from({ length: until - from }, (_, day) =>
    Array.from({ length: world.requestsPerDay }, (_, index) => world.request(from + day, index)).sort(
      (a, b) => a.time - b.time || (a.id < b.id ? -1 : 1),
    ),
  ).flat();

/** The lists that the platform's present ranking shows on the first days of a world: it goes for clicks. */
export const platformLists = (world: World, days: number): ShownList[] =>
  requestsOf(world, { from: 0, until: days }).map((request) => ({ request, shown: world.shown(request) }));

/**
 * Lists with what came of them as a data set to train on: the rows that `watchnext simulate` writes to files and a
 * definition's query reads back, without the files. They must be in the order of time.
 */
export const logOf = (
  lists: readonly ShownList[],
  { world, definition }: { readonly world: World; readonly definition: RankerDefinition },
): Pick<Dataset, 'requests' | 'count'> => {
  const columns = Object.values(definition.tasks).map(({ label }) => labels[label]);
  const logged = lists.map(({ request, shown }): LoggedRequest => {
    const outcomes = world.outcomes(request, shown);
    return {
      time: request.time,
      requestId: request.id,
      user: world.userFields(request.person),
      context: { device: request.device },
      candidates: shown.map((video) => world.itemFields(video)),
      positions: Int32Array.from(shown, (_, place) => place + 1),
      labels: columns.map((labelOf) => Float32Array.from(outcomes, (outcome) => labelOf?.(outcome) ?? Number.NaN)),
    };
  });
  const within = ({ from = -Infinity, until = Infinity }: TimeRange): LoggedRequest[] =>
    logged.filter(({ time }) => time >= from && time < until);
  return {
    // eslint-disable-next-line @typescript-eslint/require-await
    async *requests(range = {}) {
      yield* within(range);
    },
    count: (range = {}) => Promise.resolve(within(range).reduce((rows, { candidates }) => rows + candidates.length, 0)),
  };
};
