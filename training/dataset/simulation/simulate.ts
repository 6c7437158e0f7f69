import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Person } from './people.js';
import { catalogueDays } from './videos.js';
import { createWorld, type World, type WorldOptions } from './world.js';

export interface SimulateOptions extends WorldOptions {
  /** Made if it is not there; impressions.csv, items.csv and users.csv in it are overwritten. */
  readonly directory: string;
  readonly seed: number;
  readonly days?: number;
  readonly onProgress?: (done: number, requests: number) => void;
}

export interface Simulation {
  readonly world: World;
  readonly requests: number;
  readonly rows: number;
  readonly items: number;
  readonly users: number;
  /** Milliseconds: the log covers from <= time < until. */
  readonly from: number;
  readonly until: number;
}

const isoTime = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').replace('Z', '');
const flag = (value: boolean): string => (value ? '1' : '0');

function* userLines(people: readonly Person[], world: World): Generator<string> {
  yield 'user_id,age_group,registered_at\n';
  for (const person of people) {
    const { registered_at: registered } = world.userFields(person);
    yield `${person.id},${person.ageGroup},${isoTime(Number(registered))}\n`;
  }
}

function* itemLines(world: World, days: number): Generator<string> {
  yield 'item_id,author_id,topic,tags,duration,uploaded_at,look\n';
  for (let day = -catalogueDays; day < days; day++) {
    for (const { id, author, topic, tags, durationSeconds, uploadedAt, look } of world.videos(day)) {
      yield `${id},${author},${topic},${tags.join(' ')},${durationSeconds},${isoTime(uploadedAt)},"[${look.join(',')}]"\n`;
    }
  }
}

/**
 * Writes the log of a simulated platform as CSV files: impressions (one row per video shown, with what came of it and, with
 * `sources`, who proposed it), items and users. One seed, the same bytes.
 */
export const simulate = async ({
  directory,
  seed,
  days = 8,
  onProgress,
  ...options
}: SimulateOptions): Promise<Simulation> => {
  const world = createWorld(seed, options);
  const total = days * world.requestsPerDay;
  let rows = 0;
  function* impressionLines(): Generator<string> {
    const nominator = options.sources === true ? ',source,nominator_score' : '';
    yield `time,request_id,user_id,device,position,item_id,clicked,watch_seconds,liked,dismissed,rating${nominator}\n`;
    for (let day = 0; day < days; day++) {
      const requests = Array.from({ length: world.requestsPerDay }, (_, index) => world.request(day, index));
      requests.sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1));
      for (const [index, request] of requests.entries()) {
        const shown = world.shown(request);
        const outcomes = world.outcomes(request, shown);
        const nominated = new Map(request.nominations?.map((each) => [each.video.id, each]));
        const head = `${isoTime(request.time)},${request.id},${request.person.id},${request.device}`;
        yield shown
          .map((video, place) => {
            const { clicked, watchSeconds, liked, dismissed, rating } = outcomes[place] ?? {};
            const by = nominated.get(video.id);
            return [
              head,
              place + 1,
              video.id,
              flag(clicked === true),
              (watchSeconds ?? 0).toFixed(1),
              flag(liked === true),
              flag(dismissed === true),
              rating ?? '',
              ...(by === undefined ? [] : [by.source, by.score]),
            ].join(',');
          })
          .join('\n')
          .concat('\n');
        rows += shown.length;
        onProgress?.(day * world.requestsPerDay + index + 1, total);
      }
    }
  }
  await mkdir(directory, { recursive: true });
  const write = (name: string, lines: Iterable<string>): Promise<void> =>
    pipeline(Readable.from(lines), createWriteStream(join(directory, name)));
  const people = [...world.people, ...Array.from({ length: days }, (_, day) => world.newcomers(day)).flat()];
  await write('users.csv', userLines(people, world));
  await write('items.csv', itemLines(world, days));
  await write('impressions.csv', impressionLines());
  return {
    world,
    requests: total,
    rows,
    items: (days + catalogueDays) * world.videos(0).length,
    users: people.length,
    from: world.startMs,
    until: world.startMs + days * 86_400_000,
  };
};
