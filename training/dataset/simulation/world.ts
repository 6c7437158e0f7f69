import type { Fields } from '../../../src/features/index.js';
import { feedbackOf, type WorldFeedback } from './feedback.js';
import {
  expectation,
  expectationAt,
  happen,
  type Device,
  type Expectation,
  type Happening,
  type Meeting,
  type ShownExpectation,
} from './law.js';
import { createInterests, createNewcomers, createPerson, drawDevice, type Person } from './people.js';
import { randomOf } from './random.js';
import { createNominators, type Nomination } from './sources.js';
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
  /** People who join every day, beside those who are there from the start. */
  readonly newUsersPerDay?: number;
  /** Whether what could be shown is proposed by several sources with biases of their own, or drawn from all, newest first. */
  readonly sources?: boolean;
  /** Of the share of feedback that gets lost by device, how much applies: 1 is all of it, 0 nothing is lost. */
  readonly feedbackLoss?: number;
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
  /** Who proposed each of the pool; with `sources` only. */
  readonly nominations?: readonly Nomination[];
}

/** A small video platform with a known law. Pure: one seed, one world, whatever is asked of it in which order. */
export interface World {
  readonly startMs: number;
  readonly requestsPerDay: number;
  readonly listLength: number;
  /** Those who are there from the start. */
  readonly people: readonly Person[];
  /** Those who join on a day, 0 or later; nobody comes before they have joined. */
  newcomers(day: number): readonly Person[];
  /** The videos that were uploaded on a day; days before 0 belong to the first catalogue, which goes back a week. */
  videos(day: number): readonly Video[];
  request(day: number, index: number): WorldRequest;
  /** What the platform's present ranking shows of a pool, first place first: it goes for clicks, so the log is biased. */
  shown(request: WorldRequest): readonly Video[];
  /** What happens when a list is shown, by position. The same list gives the same outcomes. */
  outcomes(request: WorldRequest, shown: readonly Video[]): readonly Happening[];
  /** What is to be expected of a person who looks at each video at a time, without position effects. */
  truth(person: Person, videos: readonly Video[], time: number): readonly Expectation[];
  /** The same of a list as it was shown, by position: exactly what {@link World.outcomes} are draws of. */
  expected(request: WorldRequest, shown: readonly Video[]): readonly ShownExpectation[];
  /** What the platform is told of the outcomes, each with the time at which it happened; a share gets lost. */
  feedback(request: WorldRequest, shown: readonly Video[], requestId: string): readonly WorldFeedback[];
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
  newUsersPerDay: 0,
  sources: false,
  feedbackLoss: 1,
} as const satisfies WorldOptions;

/** When people come: hours of the day in proportion. */
const hourWeights = [3, 2, 1, 1, 1, 1, 2, 4, 5, 4, 4, 5, 7, 6, 5, 5, 6, 7, 9, 11, 12, 12, 9, 6];

/** Of a pure function of the day: each day is made once. */
const remembered = <T>(make: (day: number) => T): ((day: number) => T) => {
  const made = new Map<number, T>();
  return (day) => {
    let known = made.get(day);
    if (known === undefined) made.set(day, (known = make(day)));
    return known;
  };
};

export const createWorld = (seed: number, options: WorldOptions = {}): World => {
  const given = { ...standard, ...options };
  const { users, videosPerDay, authors, requestsPerDay, listLength, poolSize, startMs } = given;
  const people = Array.from({ length: users }, (_, index) => createPerson(seed, index));
  const newcomers = remembered((day) =>
    day < 0 ? [] : createNewcomers(seed, { day, startMs, users, perDay: given.newUsersPerDay }),
  );
  /** Everybody who may come on a day. */
  const population = remembered((day): { people: readonly Person[]; activity: readonly number[] } => {
    const all = day < 0 || given.newUsersPerDay === 0 ? people : [...population(day - 1).people, ...newcomers(day)];
    return { people: all, activity: all.map((person) => person.activity) };
  });
  const interestOf = createInterests(seed);
  const videos = remembered((day) => createVideos(seed, { day, startMs, perDay: videosPerDay, authors }));
  const uploads = remembered((day) =>
    Array.from({ length: catalogueDays + 1 }, (_, back) => videos(day - back)).flat(),
  );
  const nominate = createNominators({ seed, authors, startMs, interestOf, uploads });

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
  const outcomes: World['outcomes'] = ({ id, person, device, time }, shown) =>
    shown.map((video, index) =>
      happen(meeting(person, video, time), { position: index + 1, device }, randomOf(seed, 'outcome', id, video.id)),
    );
  return {
    startMs,
    requestsPerDay,
    listLength,
    people,
    newcomers,
    videos,
    request(day, index) {
      const random = randomOf(seed, 'request', day, index);
      const there = population(day);
      const person = there.people[random.pick(there.activity)];
      if (person === undefined) throw new RangeError('a world needs at least one user');
      const drawn = startMs + day * dayMs + Math.floor((random.pick(hourWeights) + random.uniform()) * (dayMs / 24));
      const time = Math.max(drawn, person.joinedAt ?? drawn);
      const id = `r${day}_${index}`;
      if (given.sources) {
        const device = drawDevice(person, random);
        const nominations = nominate({ key: id, person, day, time, size: poolSize });
        return { id, day, time, person, device, pool: nominations.map(({ video }) => video), nominations };
      }
      // New videos are considered more often: a day back is half as likely to be drawn from as the day after it.
      const pool = new Set<Video>();
      for (let draws = 0; pool.size < poolSize && draws < 20 * poolSize; draws++) {
        const back = Math.min(catalogueDays, Math.floor(-Math.log2(1 - random.uniform()) * 1.6));
        const video = videos(day - back)[random.below(videosPerDay)];
        if (video !== undefined && video.uploadedAt < time) pool.add(video);
      }
      return { id, day, time, person, device: drawDevice(person, random), pool: [...pool] };
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
    outcomes,
    expected: ({ person, device, time }, shown) =>
      shown.map((video, index) =>
        expectationAt(expectation(meeting(person, video, time)), { position: index + 1, device }),
      ),
    feedback: (request, shown, requestId) => {
      const happened = outcomes(request, shown).map((each, place) => ({ ...each, item: shown[place]?.id ?? '' }));
      const { id: key, person, device, time } = request;
      return feedbackOf(happened, { seed, key, requestId, user: person.id, device, time, loss: given.feedbackLoss });
    },
    truth: (person, candidates, time) => candidates.map((video) => expectation(meeting(person, video, time))),
    userFields: (person) => ({
      user_id: person.id,
      age_group: person.ageGroup,
      registered_at: person.joinedAt ?? startMs - person.registeredDaysBefore * dayMs,
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
