import type { RankRequest } from '../../src/ranking/index.js';
import { feedbackEvent, type Video, type World, type WorldRequest } from '../../training/dataset/index.js';
import {
  addTallies,
  noTally,
  requestsOf,
  tallyOf,
  type ArmDays,
  type ShownList,
  type Tally,
} from '../../training/studies/index.js';
import type { Arm } from './arm.js';

export interface LiveOptions {
  readonly world: World;
  readonly arms: ReadonlyMap<string, Arm>;
  /** Days of the world: from <= day < until. */
  readonly from: number;
  readonly until: number;
  readonly onDay?: (done: number) => void;
  /** Told of every list, in the order of time. */
  readonly onShown?: (arm: string, list: ShownList) => void;
}

/**
 * The same requests to every arm, each with a platform to itself: nobody shares feature state, nothing is learned from
 * another's lists. What happens is drawn by request and video, so that two arms that show the same see the same.
 */
export const liveSideBySide = async ({
  world,
  arms,
  from,
  until,
  onDay,
  onShown,
}: LiveOptions): Promise<readonly ArmDays[]> => {
  const names = [...arms.keys()];
  const days = new Map<string, Tally[]>(names.map((name) => [name, []]));
  for (let day = from; day < until; day++) {
    const tallies = new Map<string, Tally>();
    for (const request of requestsOf(world, { from: day, until: day + 1 })) {
      await Promise.all(
        [...arms].map(async ([name, arm]) => {
          const { shown, tally } = await visit(world, request, arm);
          onShown?.(name, { request, shown });
          tallies.set(name, addTallies([tallies.get(name) ?? noTally, tally]));
        }),
      );
    }
    for (const [name, tally] of tallies) days.get(name)?.push(tally);
    onDay?.(day + 1 - from);
  }
  return names.map((arm) => ({ arm, days: days.get(arm) ?? [] }));
};

/** Somebody comes, looks, and does something about it. */
const visit = async (
  world: World,
  request: WorldRequest,
  arm: Arm,
): Promise<{ readonly shown: readonly Video[]; readonly tally: Tally }> => {
  const answer = await arm.rank(rankRequestOf(world, request), request.time);
  const videos = new Map<string | number, Video>(request.pool.map((video) => [video.id, video]));
  const shown = answer.items.flatMap(({ id }) => videos.get(id) ?? []);
  arm.feedback(world.feedback(request, shown, request.id).map(feedbackEvent));
  return { shown, tally: tallyOf({ world, request, shown, outcomes: world.outcomes(request, shown) }) };
};

const rankRequestOf = (world: World, { id, person, device, pool }: WorldRequest): RankRequest => ({
  requestId: id,
  user: { id: person.id, fields: world.userFields(person) },
  context: { device },
  candidates: pool.map((video) => ({ id: video.id, fields: world.itemFields(video) })),
  limit: world.listLength,
});
