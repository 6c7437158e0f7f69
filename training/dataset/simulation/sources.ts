import { habits, type Video } from './videos.js';
import { topics, type Person } from './people.js';
import { randomOf, type Random } from './random.js';

/** Who proposes what could be shown; each has a bias of its own. */
export const sources = ['subscriptions', 'similar', 'trending', 'fresh'] as const;
export type Source = (typeof sources)[number];

/** A video that could be shown, who proposed it, and how strongly: scores of different sources do not compare. */
export interface Nomination {
  readonly video: Video;
  readonly source: Source;
  readonly score: number;
}

/** Of what is considered; what a source has too little of, trending fills. */
const shares: Readonly<Record<Source, number>> = { subscriptions: 0.3, similar: 0.3, trending: 0.25, fresh: 0.15 };
const followed = 8;
/** `similar` knows a person's interests as they were so many days ago. */
const similarLagDays = 2;
/** What trends has been there for a while. */
const trendingAfterMs = 6 * 3_600_000;
const dayMs = 86_400_000;

export interface NominatorOptions {
  readonly seed: number;
  readonly authors: number;
  readonly startMs: number;
  readonly interestOf: (person: Person, day: number) => readonly number[];
  /** Everything that was uploaded in the days that are still considered on a day, that day with it. */
  readonly uploads: (day: number) => readonly Video[];
}

export interface Asked {
  readonly key: string;
  readonly person: Person;
  readonly day: number;
  readonly time: number;
  readonly size: number;
}

/**
 * Subscriptions: the newest of a few authors, chosen by what a person liked at first. Similar: what looks like their
 * interests, as they were two days ago. Trending: what everybody clicks, clickbait first. Fresh: anything of the last day.
 */
export const createNominators = (options: NominatorOptions): ((asked: Asked) => readonly Nomination[]) => {
  const { seed, authors, startMs, interestOf, uploads } = options;
  const followedBy = new Map<number, ReadonlySet<string>>();
  const trends = new Map<number, readonly Ranked[]>();

  const follows = (person: Person): ReadonlySet<string> => {
    let known = followedBy.get(person.index);
    if (known === undefined) followedBy.set(person.index, (known = draw(person)));
    return known;
  };
  const draw = (person: Person): ReadonlySet<string> => {
    const random = randomOf(seed, 'follows', person.index);
    const interest = interestOf(person, 0);
    const weights = Array.from({ length: authors }, (_, index) =>
      Math.exp(1.5 * (interest[habits(seed, index).topic] ?? 0)),
    );
    return new Set(Array.from({ length: followed }, () => `a${random.pick(weights)}`));
  };
  /** One order for everybody all day long. */
  const trending = (day: number): readonly Ranked[] => {
    let known = trends.get(day);
    if (known === undefined) {
      trends.set(
        day,
        (known = ranked(uploads(day), (video) => {
          const ageDays = day - Math.floor((video.uploadedAt - startMs) / dayMs);
          const luck = randomOf(seed, 'trend', day, video.id).normal();
          return 0.8 * video.clickbait + 0.2 * video.quality + Math.exp(-ageDays / 3) + 0.4 * luck;
        })),
      );
    }
    return known;
  };

  return ({ key, person, day, time, size }) => {
    const random = randomOf(seed, 'nominate', key);
    const there = uploads(day).filter(({ uploadedAt }) => uploadedAt < time);
    const interest = interestOf(person, day - similarLagDays);
    const authorsFollowed = follows(person);
    const lists: Readonly<Record<Source, readonly Ranked[]>> = {
      subscriptions: ranked(
        there.filter(({ author }) => authorsFollowed.has(author)),
        ({ uploadedAt }) => Math.exp((uploadedAt - time) / (2 * dayMs)),
      ),
      similar: ranked(there, ({ look }) => dot(look, interest) + 0.3 * random.normal()),
      trending: trending(day).filter(({ video }) => video.uploadedAt < time - trendingAfterMs),
      fresh: shuffled(
        there.filter(({ uploadedAt }) => uploadedAt > time - dayMs),
        random,
      ),
    };
    const nominations = new Map<string, Nomination>();
    const fill = (source: Source, until: number): void => {
      for (const { video, score } of lists[source]) {
        if (nominations.size >= until) return;
        if (!nominations.has(video.id)) nominations.set(video.id, { video, source, score });
      }
    };
    for (const source of sources) fill(source, nominations.size + Math.round(shares[source] * size));
    fill('trending', size);
    return [...nominations.values()].slice(0, size);
  };
};

interface Ranked {
  readonly video: Video;
  readonly score: number;
}

const ranked = (videos: readonly Video[], score: (video: Video) => number): readonly Ranked[] =>
  videos
    .map((video) => ({ video, score: Math.round(score(video) * 1000) / 1000 }))
    .sort((a, b) => b.score - a.score || (a.video.id < b.video.id ? -1 : 1));

const shuffled = (videos: readonly Video[], random: Random): readonly Ranked[] =>
  ranked(videos, () => random.uniform());

const dot = (look: readonly number[], interest: readonly number[]): number =>
  topics.reduce((sum, _, topic) => sum + (look[topic] ?? 0) * (interest[topic] ?? 0), 0);
