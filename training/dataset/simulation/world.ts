import type { Fields } from '../../../src/features/index.js';
import { expectation, happen, type Device, type Expectation, type Happening, type Meeting } from './law.js';
import { createInterests, createPerson, drawDevice, type Person } from './people.js';
import { randomOf } from './random.js';
import { catalogueDays, createVideos, type Video } from './videos.js';

export interface WorldOptions {
  readonly users?: number;
  readonly videosPerDay?: number;
  readonly authors?: number;
  readonly requestsPerDay?: number;
  /** Videos on one screen. */
  readonly listLength?: number;
  /** Videos that are considered for a screen. */
  readonly poolSize?: number;
  /** Midnight UTC at which day 0 begins, milliseconds. */
  readonly startMs?: number;
}

/** Somebody comes and wants to watch something. */
export interface WorldRequest {
  readonly id: string;
  readonly day: number;
  readonly time: number;
  readonly person: Person;
  readonly device: Device;
  /** What could be shown. */
  readonly pool: readonly Video[];
}

/** A small video platform with a known law. Pure: one seed, one world, whatever is asked of it in which order. */
export interface World {
  readonly startMs: number;
  readonly requestsPerDay: number;
  readonly people: readonly Person[];
  /** The videos that were uploaded on a day; days before 0 belong to the first catalogue, which goes back a week. */
  videos(day: number): readonly Video[];
  request(day: number, index: number): WorldRequest;
  /** What the platform's present ranking shows of a pool, first place first: it goes for clicks, so the log is biased. */
  shown(request: WorldRequest): readonly Video[];
  /** What happens when a list is shown, by position. The same list gives the same outcomes. */
  outcomes(request: WorldRequest, shown: readonly Video[]): readonly Happening[];
  /** What is to be expected of a person who looks at each video at a time, without position effects. */
  truth(person: Person, videos: readonly Video[], time: number): readonly Expectation[];
  /** What the platform knows of a person and a video: the columns of users.csv and items.csv. */
  userFields(person: Person): Fields;
  itemFields(video: Video): Fields;
}

const dayMs = 86_400_000;
const standard = {
  users: 400,
  videosPerDay: 120,
  authors: 150,
  requestsPerDay: 550,
  listLength: 20,
  poolSize: 60,
  startMs: Date.UTC(2026, 0, 5),
} as const satisfies WorldOptions;

/** When people come: hours of the day in proportion. */
const hourWeights = [3, 2, 1, 1, 1, 1, 2, 4, 5, 4, 4, 5, 7, 6, 5, 5, 6, 7, 9, 11, 12, 12, 9, 6];

export const createWorld = (seed: number, options: WorldOptions = {}): World => {
  const { users, videosPerDay, authors, requestsPerDay, listLength, poolSize, startMs } = { ...standard, ...options };
  const people = Array.from({ length: users }, (_, index) => createPerson(seed, index));
  const activity = people.map((person) => person.activity);
  const interestOf = createInterests(seed);
  const uploads = new Map<number, readonly Video[]>();

  const videos = (day: number): readonly Video[] => {
    let made = uploads.get(day);
    if (made === undefined) {
      made = createVideos(seed, { day, startMs, perDay: videosPerDay, authors });
      uploads.set(day, made);
    }
    return made;
  };
  const meeting = (person: Person, video: Video, time: number): Meeting => {
    const interest = interestOf(person, Math.floor((time - startMs) / dayMs));
    return {
      affinity: video.content.reduce((sum, share, topic) => sum + share * (interest[topic] ?? 0), 0),
      quality: video.quality,
      clickbait: video.clickbait,
      susceptibility: person.susceptibility,
      ageDays: Math.max(0, time - video.uploadedAt) / dayMs,
      durationSeconds: video.durationSeconds,
    };
  };
  return {
    startMs,
    requestsPerDay,
    people,
    videos,
    request(day, index) {
      const random = randomOf(seed, 'request', day, index);
      const person = people[random.pick(activity)];
      if (person === undefined) throw new RangeError('a world needs at least one user');
      const time = startMs + day * dayMs + Math.floor((random.pick(hourWeights) + random.uniform()) * (dayMs / 24));
      // New videos are considered more often: a day back is half as likely to be drawn from as the day after it.
      const pool = new Set<Video>();
      for (let draws = 0; pool.size < poolSize && draws < 20 * poolSize; draws++) {
        const back = Math.min(catalogueDays, Math.floor(-Math.log2(1 - random.uniform()) * 1.6));
        const video = videos(day - back)[random.below(videosPerDay)];
        if (video !== undefined && video.uploadedAt < time) pool.add(video);
      }
      return { id: `r${day}_${index}`, day, time, person, device: drawDevice(person, random), pool: [...pool] };
    },
    shown({ id, person, pool, time }) {
      const random = randomOf(seed, 'shown', id);
      const scored = pool.map((video) => {
        const { affinity, clickbait } = meeting(person, video, time);
        const noise = -Math.log(-Math.log(1 - random.uniform() * (1 - Number.EPSILON)));
        return { video, score: 0.8 * affinity + 0.5 * clickbait + 1.2 * noise };
      });
      return scored
        .sort((a, b) => b.score - a.score || (a.video.id < b.video.id ? -1 : 1))
        .slice(0, listLength)
        .map(({ video }) => video);
    },
    outcomes: ({ id, person, device, time }, shown) =>
      shown.map((video, index) =>
        happen(meeting(person, video, time), { position: index + 1, device }, randomOf(seed, 'outcome', id, video.id)),
      ),
    truth: (person, candidates, time) => candidates.map((video) => expectation(meeting(person, video, time))),
    userFields: (person) => ({
      user_id: person.id,
      age_group: person.ageGroup,
      registered_at: startMs - person.registeredDaysBefore * dayMs,
    }),
    itemFields: (video) => ({
      item_id: video.id,
      author_id: video.author,
      topic: video.topic,
      tags: video.tags,
      duration: video.durationSeconds,
      uploaded_at: video.uploadedAt,
      look: Float32Array.from(video.look),
    }),
  };
};
